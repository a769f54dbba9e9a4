import { isAuthError } from 'silent-refresh'
import { onPress } from '../press.ts'
import * as server from '../server.ts'
import { signedIn } from '../signed-in.ts'
import type { Auth } from '../types.ts'
import { clock } from '../words.ts'

export function mountLostAnswer(auth: Auth): void {
  onPress('lose-answer', 'lose-result', async () => {
    signedIn(auth)
    const { grace } = await server.readConfig()
    await server.setFaults({ ...(await server.readFaults()), refresh: 'drop', count: 1 })
    try {
      await auth.refresh()
      return 'Another tab has lost the answer.'
    } catch (error) {
      if (!isAuthError(error)) throw error
      const { refresh } = await server.readFaults()
      if (refresh === 'drop')
        return 'Not asked yet: the server has told this page to wait. The next answer gets lost.'
      const next = error.retryAt === undefined ? '' : ` It asks again at ${clock(error.retryAt)}.`
      const then =
        grace > 0
          ? 'The server tolerates the used token once more, and nobody notices.'
          : 'Without the grace the server takes that for a theft, and ends the session.'
      return `The answer is lost.${next} ${then}`
    }
  })
}
