import type { Backend, Visit } from '../backend.ts'
import { copyHeld } from '../held.ts'
import type { Answer } from '../http.ts'
import type { Judge } from '../judge.ts'
import { tell } from '../telling.ts'
import { isOk } from '../tokens.ts'
import { isRefused } from './refresh.ts'

/** An access token that renews itself: one exchange for each token. */
export async function checkSliding(backend: Backend, judge: Judge): Promise<void> {
  const visit = await backend.visit()
  const old = copyHeld(visit.held)
  await visit.refresh()
  const again = await visit.refresh({ held: old, isLost: true })
  judge('sliding-old-token', !isRefused(again) && `${tell(again)} for a refresh with the old token`)
  const used = await backend.ask('api', { held: old })
  judge('sliding-old-token', isOk(used) && `${tell(used)} from the API for the old token`)
  judge('sliding-race', await faultOfRace(await backend.visit()))
}

async function faultOfRace(visit: Visit): Promise<string | null> {
  const tabs = [copyHeld(visit.held), copyHeld(visit.held)]
  const both = await Promise.all(tabs.map(async held => ({ held, answer: await visit.refresh({ held }) })))
  const renewed = both.filter(({ answer }) => isOk(answer))
  const others: Answer[] = both.map(({ answer }) => answer).filter(answer => !isOk(answer))
  const [winner] = renewed
  if (renewed.length !== 1 || !winner || !others.every(isRefused)) {
    return both.map(({ answer }) => (isOk(answer) ? `${answer.status}` : tell(answer))).join(', and ')
  }
  const next = await visit.refresh({ held: winner.held })
  return isOk(next) ? null : `2xx for one, and ${tell(next)} for the refresh after it`
}
