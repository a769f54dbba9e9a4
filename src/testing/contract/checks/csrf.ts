import type { Ask, Backend } from '../backend.ts'
import { copyHeld, type Held } from '../held.ts'
import type { Judge } from '../judge.ts'
import type { PointId } from '../point.ts'
import { hintOfPath, tell } from '../telling.ts'
import { isOk } from '../tokens.ts'

/** A request that should be refused, and what is wrong with it. */
type Attempt = readonly [how: string, ask: Ask]

const withoutValue = (held: Held): Attempt[] => [['without the value', { held, csrf: null }]]

/** Cookie and header have the same value, as if somebody had planted the cookie. */
function withForeignValues({ carrier, settings, first }: Backend, held: Held): Attempt[] {
  const theirs = carrier.csrf(first)
  const planted = (value: string): Ask => {
    const copy = copyHeld(held)
    copy.jar.put(settings.csrfCookie, value)
    return { held: copy }
  }
  return [
    ['with the value of another session', planted(theirs ?? 'x')],
    ['with a value that was made up', planted('x.y')],
  ]
}

export async function checkMissingCsrf(backend: Backend, judge: Judge): Promise<void> {
  const { held } = await backend.visit()
  await judgeAttempts(backend, 'csrf', held, withoutValue(held), judge)
}

export async function checkPlantedCsrf(backend: Backend, judge: Judge): Promise<void> {
  const { held } = await backend.visit()
  await judgeAttempts(backend, 'csrf-planted', held, withForeignValues(backend, held), judge)
}

async function judgeAttempts(
  backend: Backend,
  id: PointId,
  held: Held,
  attempts: readonly Attempt[],
  judge: Judge,
): Promise<void> {
  for (const endpoint of ['refresh', 'logout'] as const) {
    for (const [how, ask] of attempts) {
      const answer = await backend.ask(endpoint, { ...ask, isLost: true })
      const isRejected = answer.status >= 400 && answer.status < 500
      judge(id, !isRejected && `${tell(answer)} for a ${endpoint} ${how}`)
    }
  }
  const own = await backend.ask('refresh', { held })
  judge(id, !isOk(own) && `a 4xx each time, and then ${tell(own)} for the page itself`)
}

export async function checkEarlierCsrf(backend: Backend, judge: Judge): Promise<void> {
  const { held, refresh } = await backend.visit()
  const csrf = backend.carrier.csrf(held)
  await refresh()
  const answer = await refresh({ csrf })
  judge('csrf-earlier', !isOk(answer) && tell(answer))
}

export async function checkCsrfOfApi(backend: Backend, judge: Judge): Promise<void> {
  const { held } = await backend.reader()
  const own = await backend.ask('apiPost', { held })
  const isWelcome = ![401, 403, 404, 405].includes(own.status)
  judge(
    'csrf-api',
    !isWelcome && `${tell(own)} with the right value${hintOfPath(backend.settings, own, 'apiPost')}`,
  )
  for (const [how, ask] of [...withoutValue(held), ...withForeignValues(backend, held)]) {
    const answer = await backend.ask('apiPost', { ...ask, isLost: true })
    judge('csrf-api', answer.status !== 403 && `${tell(answer)} ${how}`)
  }
}
