import { onPress } from '../press.ts'
import { api } from '../server.ts'
import { signedIn } from '../signed-in.ts'
import type { Auth } from '../types.ts'
import { plural } from '../words.ts'
import { realNow, sleep } from './clock.ts'

const SLEEP = 600
const BURST = 200

export function mountWake(auth: Auth): void {
  onPress('sleep', 'fire-result', async () => {
    signedIn(auth)
    sleep(SLEEP)
    return 'The clocks of this page are ten minutes ahead now, until you reload it. The token has expired by them.'
  })

  onPress('fire', 'fire-result', async () => {
    signedIn(auth)
    let refreshes = 0
    const stop = auth.on('refresh', () => refreshes++)
    const start = realNow()
    const calls = await Promise.allSettled(Array.from({ length: BURST }, () => callApi(auth)))
    const ms = realNow() - start
    stop()
    const failed = calls.filter(({ status }) => status === 'rejected').length
    return `${BURST - failed} answered, ${failed} failed, in ${ms} ms, with ${plural(refreshes, 'refresh', 'refreshes')}.`
  })
}

async function callApi(auth: Auth): Promise<void> {
  const response = await auth.fetch(api.echo)
  await response.text()
  if (!response.ok) throw new Error(`${response.status}`)
}
