import { expectOk } from '../result.ts'
import * as server from '../server.ts'
import { note } from '../timeline/feed.ts'
import type { Auth } from '../types.ts'
import { onPress } from './press.ts'
import { signedIn } from './signed-in.ts'

export function mountRevocation(auth: Auth): void {
  onPress('revoke-mine', 'revoke-result', async () => {
    signedIn(auth)
    await expectOk(await auth.fetch('/demo/mine/revoke', { method: 'POST' }))
    note({ words: 'My token is revoked', tone: 'warn' })
    return 'Your access token is refused from now on. The page does not know that yet: send a request.'
  })

  onPress('revoke-access', 'revoke-result', async () => {
    await server.revokeAccess()
    note({ words: 'All access tokens are revoked', tone: 'warn' })
    return 'Every access token issued so far is refused from now on. Send a request.'
  })

  onPress('rotate-key', 'revoke-result', async () => {
    await server.rotateKey()
    note({ words: 'The signing key is rotated', tone: 'warn' })
    return 'New tokens are signed with a new key, and older ones are refused. Send a request.'
  })

  onPress('revoke-all', 'revoke-result', async () => {
    await server.revokeAll()
    note({ words: 'Everything is revoked', tone: 'bad' })
    return 'Every session is ended on the server. The next refresh is refused, and that signs you out.'
  })
}
