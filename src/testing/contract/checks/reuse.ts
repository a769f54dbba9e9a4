import type { Backend, Visit } from '../backend.ts'
import { copyHeld, type Held } from '../held.ts'
import type { Answer } from '../http.ts'
import type { Judge } from '../judge.ts'
import { tell } from '../telling.ts'
import { isOk } from '../tokens.ts'
import { isRefused, judgeKept } from './refresh.ts'

/** Two refreshes beside each other, and one that is repeated because its answer was lost. */
export async function checkGrace(backend: Backend, judge: Judge): Promise<void> {
  const racing = await backend.visit()
  const [own, other] = [copyHeld(racing.held), copyHeld(racing.held)]
  const both = await Promise.all([racing.refresh({ held: own }), racing.refresh({ held: other })])
  judge('grace-race', await faultOf(backend, both, racing, other))

  const losing = await backend.visit()
  const lost = await losing.refresh({ isLost: true })
  const again = await losing.refresh()
  judge('grace-lost-answer', await faultOf(backend, [lost, again], losing, losing.held))
}

/** What is wrong, unless both answers give a session that goes on with what `held` has. */
async function faultOf(
  { carrier }: Backend,
  answers: readonly Answer[],
  visit: Visit,
  held: Held,
): Promise<string | null> {
  if (answers.some(answer => typeof carrier.read(answer) === 'string')) {
    return answers.map(answer => (isOk(answer) ? `${answer.status}` : tell(answer))).join(', then ')
  }
  const next = await visit.refresh({ held })
  return isOk(next) ? null : `2xx for both, and ${tell(next)} for the refresh after them`
}

/** The old token comes again, although its successor was used: within the grace too. */
export async function checkSuperseded(backend: Backend, judge: Judge): Promise<void> {
  const visit = await backend.visit()
  const old = copyHeld(visit.held)
  await visit.refresh()
  await visit.refresh()
  judge('reuse-superseded', await faultOfReplay(backend, visit, old, judge))
}

export async function faultOfReplay(
  backend: Backend,
  visit: Visit,
  old: Held,
  judge: Judge,
): Promise<string | null> {
  const newest = copyHeld(visit.held)
  const replay = await visit.refresh({ held: old })
  judgeKept(backend, replay, judge)
  if (!isRefused(replay)) return `${tell(replay)} for the old token`
  const next = await visit.refresh({ held: newest })
  judgeKept(backend, next, judge)
  return isRefused(next)
    ? null
    : `the old token is refused, and the newest one is answered with ${tell(next)}`
}
