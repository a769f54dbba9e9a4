import { auth } from './auth'

/** Calls `listener` when guards and loaders have to run again. Returns its undo. */
export function onSessionChange(listener: () => void): () => void {
  // While the session is restored, guards wait for it themselves.
  let before: { status: string; error?: unknown } | undefined
  auth.ready().then(() => {
    before = auth.session
  })
  const changed = auth.subscribe(() => {
    if (!before) return
    const { error } = auth.session
    // A page that is back from the back/forward cache is `unknown` for a moment, and then has the same user as a rule.
    const status = auth.session.status === 'unknown' ? before.status : auth.session.status
    const isOutageOver = before.error != null && error == null
    const isOther = status !== before.status
    before = { status, error }
    if (isOther || isOutageOver) listener()
  })
  const userChanged = auth.on('userChange', listener)
  return () => {
    changed()
    userChanged()
  }
}
