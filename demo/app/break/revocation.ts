import { onPress } from '../press.ts'
import * as server from '../server.ts'

export function mountRevocation(): void {
  onPress('revoke-access', 'revoke-result', async () => {
    await server.revokeAccess()
    return 'Every access token issued so far is refused from now on. Send ten requests.'
  })

  onPress('rotate-key', 'revoke-result', async () => {
    await server.rotateKey()
    return 'New tokens are signed with a new key, and older ones are refused. Send ten requests.'
  })

  onPress('revoke-all', 'revoke-result', async () => {
    await server.revokeAll()
    return 'Every session is ended on the server. The next refresh is refused, and that signs you out.'
  })
}
