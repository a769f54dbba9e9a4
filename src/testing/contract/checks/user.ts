import { isEmpty } from '../../../kernel/answer.ts'
import type { Backend } from '../backend.ts'
import { createHeld } from '../held.ts'
import type { Judge } from '../judge.ts'
import { hintOfPath, tell } from '../telling.ts'
import { isOk } from '../tokens.ts'
import { isRefused } from './refresh.ts'

/** The user endpoint of cookie mode, as the client reads it. */
export async function checkUser(backend: Backend, judge: Judge): Promise<void> {
  const { held } = await backend.reader()
  const { carrier } = backend
  const own = await backend.ask('me', { held })
  const isUser = isOk(own) && typeof own.body === 'object' && !isEmpty(own.body)
  judge('me', !isUser && `${tell(own)}${hintOfPath(backend.settings, own, 'me')}`)
  for (const [how, nobody] of [
    ['without a cookie', createHeld()],
    ['with the refresh cookie alone', carrier.expired(held)],
    ['with a bad access cookie', carrier.replaced(held, 'access', 'not-a-token')],
  ] as const) {
    const answer = await backend.ask('me', { held: nobody })
    const isNobody = isOk(answer) ? isEmpty(answer.body) : isRefused(answer)
    judge('me-nobody', !isNobody && `${tell(answer)} ${how}`)
  }
}
