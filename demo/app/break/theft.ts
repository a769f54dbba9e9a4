import { byId, setText } from '../dom.ts'
import { expectOk, onPress } from '../press.ts'
import { api } from '../server.ts'
import { signedIn } from '../signed-in.ts'
import type { Auth } from '../types.ts'
import { clock } from '../words.ts'

export function mountTheft(auth: Auth): void {
  const result = byId('steal-result', HTMLElement)
  let isStolen = false

  onPress('steal', 'steal-result', async () => {
    signedIn(auth)
    // So that there is a used token, and a fresh one: the thief is never later than the grace.
    await auth.refresh()
    const response = await auth.fetch(api.steal, { method: 'POST' })
    if (response.status === 409) return 'In this mode there is no refresh token to steal.'
    const { outcome } = await (await expectOk(response)).json()
    if (outcome === 'unbound') return BOUND
    isStolen = outcome === 'reuse'
    return isStolen ? ended(auth) : TOLERATED
  })

  auth.on('logout', ({ reason }) => {
    if (!isStolen) return
    isStolen = false
    setText(result, `You are signed out, with reason “${reason}”, and so is the thief. Log in again.`)
  })
}

const BOUND =
  'The server refused the thief: the token is bound to a key, which stays in your browser. You stay signed in.'

const TOLERATED =
  'The server took the thief for you: a used token that comes again within the grace may be an answer that got lost. ' +
  'You stay signed in. As soon as one of you refreshes, the other’s token counts as used, and sending it ends the session.'

function ended({ session }: Auth): string {
  const expiresAt = session.status === 'authenticated' ? session.expiresAt : null
  const when = expiresAt === null ? 'soon' : `at ${clock(expiresAt)}`
  return (
    'A refresh token came twice, so the server has ended the session, for the thief and for you. ' +
    `Your access token still works: the page is signed out when it ends, ${when}.`
  )
}
