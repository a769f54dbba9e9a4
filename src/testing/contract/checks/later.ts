import type { Backend } from '../backend.ts'
import { copyHeld } from '../held.ts'
import type { Judge } from '../judge.ts'
import { tell } from '../telling.ts'
import { isRefused } from './refresh.ts'
import { faultOfReplay } from './reuse.ts'

const SLACK = 1

/** The old token comes again after the grace. Meanwhile an access token expires, if it is not too long. */
export async function checkLater(backend: Backend, judge: Judge): Promise<void> {
  const { grace, patience, leftOut } = backend.settings
  const isReplayed = !leftOut('reuse-after-grace')
  const visit = await backend.visit()
  const old = copyHeld(visit.held)
  if (isReplayed) await visit.refresh()
  const { expiresIn = Number.POSITIVE_INFINITY } = visit.tokens
  const isAsked = !leftOut('api-expired-token') || !leftOut('sliding-expired-token')
  const isWaitedFor = expiresIn <= patience && isAsked
  const until = Math.max(isReplayed ? grace : 0, isWaitedFor ? expiresIn : 0)
  if (until > 0) await backend.wait(until + SLACK)
  if (isWaitedFor) {
    const how = `after ${until + SLACK} s`
    const expired = await backend.ask('api', { held: old })
    judge('api-expired-token', expired.status !== 401 && `${tell(expired)} ${how}`)
    if (!leftOut('sliding-expired-token')) {
      const renewed = await visit.refresh({ held: old })
      judge('sliding-expired-token', !isRefused(renewed) && `${tell(renewed)} ${how}`)
    }
  }
  if (isReplayed) judge('reuse-after-grace', await faultOfReplay(backend, visit, old, judge))
}
