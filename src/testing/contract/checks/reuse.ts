import type { Backend, Visit } from '../backend.ts'
import type { Jar } from '../cookies.ts'
import type { Answer } from '../http.ts'
import type { Judge } from '../judge.ts'
import { tell } from '../telling.ts'
import { isOk, readTokens } from '../tokens.ts'
import { isRefused, judgeKept } from './refresh.ts'

const SLACK = 1

/** Two refreshes beside each other, and one that is repeated because its answer was lost. */
export async function checkGrace(backend: Backend, judge: Judge): Promise<void> {
  const racing = await backend.visit()
  const [own, other] = [racing.jar.copy(), racing.jar.copy()]
  const both = await Promise.all([racing.refresh({ jar: own }), racing.refresh({ jar: other })])
  judge('grace-race', await faultOf(backend, both, racing, other))

  const losing = await backend.visit()
  const lost = await losing.refresh({ isLost: true })
  const again = await losing.refresh()
  judge('grace-lost-answer', await faultOf(backend, [lost, again], losing, losing.jar))
}

/** What is wrong, unless both answers give a session that goes on with the cookies of `jar`. */
async function faultOf(
  { settings }: Backend,
  answers: readonly Answer[],
  visit: Visit,
  jar: Jar,
): Promise<string | null> {
  if (answers.some(answer => typeof readTokens(answer, settings) === 'string')) {
    return answers.map(answer => (isOk(answer) ? `${answer.status}` : tell(answer))).join(', then ')
  }
  const next = await visit.refresh({ jar })
  return isOk(next) ? null : `2xx for both, and ${tell(next)} for the refresh after them`
}

/** The old token comes again, although its successor was used: within the grace too. */
export async function checkSuperseded(backend: Backend, judge: Judge): Promise<void> {
  const visit = await backend.visit()
  const old = visit.jar.copy()
  await visit.refresh()
  await visit.refresh()
  judge('reuse-superseded', await faultOfReplay(backend, visit, old, judge))
}

/** The old token comes again after the grace. Meanwhile an access token expires, if it is not too long. */
export async function checkLater(backend: Backend, judge: Judge): Promise<void> {
  const { grace, patience, leftOut } = backend.settings
  const visit = await backend.visit()
  const old = visit.jar.copy()
  await visit.refresh()
  const { expiresIn = Number.POSITIVE_INFINITY, accessToken } = visit.tokens
  const isWaitedFor = expiresIn <= patience && !leftOut('api-expired-token')
  const until = Math.max(leftOut('reuse-after-grace') ? 0 : grace, isWaitedFor ? expiresIn : 0)
  if (until > 0) await backend.wait(until + SLACK)
  if (isWaitedFor) {
    const expired = await backend.ask('api', { jar: visit.jar, token: accessToken })
    judge('api-expired-token', expired.status !== 401 && `${tell(expired)} after ${until + SLACK} s`)
  }
  judge('reuse-after-grace', await faultOfReplay(backend, visit, old, judge))
}

async function faultOfReplay(backend: Backend, visit: Visit, old: Jar, judge: Judge): Promise<string | null> {
  const newest = visit.jar.copy()
  const replay = await visit.refresh({ jar: old })
  judgeKept(backend, replay, judge)
  if (!isRefused(replay)) return `${tell(replay)} for the old cookie`
  const next = await visit.refresh({ jar: newest })
  judgeKept(backend, next, judge)
  return isRefused(next)
    ? null
    : `the old cookie is refused, and the newest one is answered with ${tell(next)}`
}
