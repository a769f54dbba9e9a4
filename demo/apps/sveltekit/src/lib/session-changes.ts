import { auth } from './auth'

/** Calls `listener` when every `load` has to run again. Returns its undo. */
export function onSessionChange(listener: () => void): () => void {
  // While the session is restored, every `load` waits for it itself.
  let before: typeof auth.session | undefined
  auth.ready().then(() => {
    before = auth.session
  })
  const changed = auth.subscribe(() => {
    if (!before) return
    const { status, error } = auth.session
    const isOutageOver = before.error != null && error == null
    const isOther = status !== before.status
    before = auth.session
    if (isOther || isOutageOver) listener()
  })
  const userChanged = auth.on('userChange', listener)
  return () => {
    changed()
    userChanged()
  }
}
