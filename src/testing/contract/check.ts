import { type Backend, createBackend, Stopped } from './backend.ts'
import { checkAnswers } from './checks/answers.ts'
import { checkApi } from './checks/api.ts'
import { checkCors } from './checks/cors.ts'
import { checkCsrfOfApi, checkEarlierCsrf, checkMissingCsrf, checkPlantedCsrf } from './checks/csrf.ts'
import { checkLater } from './checks/later.ts'
import { checkLogout, checkRotatedLogout } from './checks/logout.ts'
import { checkOrigin } from './checks/origin.ts'
import { checkIssuedAt, checkRefusedRefreshes } from './checks/refresh.ts'
import { checkGrace, checkSuperseded } from './checks/reuse.ts'
import { checkLogin, checkRefusedLogins } from './checks/sign-in.ts'
import { checkSliding } from './checks/sliding.ts'
import { checkUser } from './checks/user.ts'
import type { Judge } from './judge.ts'
import type { ContractMode } from './mode.ts'
import { type ContractOptions, type NameOf, readSettings } from './options.ts'
import type { ContractPoint, PointId } from './point.ts'
import { pointsIn } from './points.ts'
import { whyNotIn } from './scope.ts'

/** A point, and what the backend does about it. */
export interface ContractResult extends ContractPoint {
  /** `skipped`: left out, or it could not be tried. `inapplicable`: it is for other modes. */
  readonly status: 'holds' | 'fails' | 'skipped' | 'inapplicable'
  /** What the backend did instead, if the point fails; why it was not tried, if it is skipped or does not apply. */
  readonly seen: string | undefined
}

/** What `checkBackend` has found. */
export interface ContractReport {
  /** The backend. */
  readonly url: string
  /** How its tokens travel. */
  readonly mode: ContractMode
  /** Does every point hold that was not left out? */
  readonly holds: boolean
  /** All points, in the order of `contractPoints`. */
  readonly points: readonly ContractResult[]
  /** The points that fail. */
  readonly failures: readonly ContractResult[]
}

interface Check {
  /** The points that it judges: it is not run if all of them are left out. */
  readonly points: readonly PointId[]
  run(backend: Backend, judge: Judge): Promise<void> | void
}

/** After the first login. Each logs in by itself, so what one of them breaks disturbs no other. */
const CHECKS: readonly Check[] = [
  {
    points: ['refresh-no-token', 'refresh-unknown-token', 'refresh-keeps-cookies'],
    run: checkRefusedRefreshes,
  },
  { points: ['api', 'api-no-token', 'api-bad-token', 'api-forged-token'], run: checkApi },
  { points: ['origin', 'origin-missing', 'origin-echo'], run: checkOrigin },
  { points: ['csrf'], run: checkMissingCsrf },
  { points: ['csrf-planted'], run: checkPlantedCsrf },
  { points: ['csrf-earlier'], run: checkEarlierCsrf },
  { points: ['csrf-api'], run: checkCsrfOfApi },
  { points: ['me', 'me-nobody'], run: checkUser },
  { points: ['sliding-old-token', 'sliding-race'], run: checkSliding },
  { points: ['grace-race', 'grace-lost-answer'], run: checkGrace },
  { points: ['reuse-superseded'], run: checkSuperseded },
  { points: ['logout', 'logout-ends-session', 'logout-clears-cookies', 'logout-again'], run: checkLogout },
  { points: ['logout-rotated-token'], run: checkRotatedLogout },
  { points: ['refresh-issued-at'], run: checkIssuedAt },
  { points: ['reuse-after-grace', 'api-expired-token', 'sliding-expired-token'], run: checkLater },
  { points: ['cors-preflight', 'cors-answers', 'cors-errors', 'cors-expose'], run: checkCors },
]

/**
 * Tries a running backend, as a browser would use it, and says of each point of the contract whether it holds. The backend
 * needs a user who can sign in; the sessions that are opened are left behind.
 *
 * @throws AuthError `invalid_option`, naming the option
 * @throws Error `Unreachable` if the backend does not answer
 */
export const checkBackend = (url: string | URL, options: ContractOptions = {}): Promise<ContractReport> =>
  tryBackend(url, options, name => `"${name}"`)

/** `checkBackend`, with hints in the words of the reader. */
export async function tryBackend(
  url: string | URL,
  options: ContractOptions,
  nameOf: NameOf,
): Promise<ContractReport> {
  const settings = readSettings(url, options, nameOf)
  const backend = createBackend(settings)
  const verdicts = new Map<PointId, string | null>()
  const judge: Judge = (id, fault) => {
    // A server may quote what it was sent.
    if (!verdicts.get(id)) verdicts.set(id, (fault || '').replaceAll(settings.password, '…') || null)
  }

  /** @returns why it has stopped, if it has */
  async function run(check: Check['run']): Promise<string | undefined> {
    try {
      await check(backend, judge)
      return undefined
    } catch (error) {
      if (error instanceof Stopped) return error.message
      throw error
    }
  }

  const blocked = await run(checkLogin)
  await run(checkRefusedLogins)
  for (const { points, run: check } of blocked ? [] : CHECKS) {
    const open = points.filter(id => !settings.leftOut(id))
    const stopped = open.length > 0 && (await run(check))
    if (stopped) for (const id of open) if (!verdicts.has(id)) judge(id, stopped)
  }
  await run(checkAnswers)

  const { mode } = settings
  const points = pointsIn(mode).map((point): ContractResult => {
    const { id } = point
    const other = whyNotIn(mode, id)
    if (other) return { ...point, status: 'inapplicable', seen: other }
    const skipped = settings.leftOut(id) ?? (verdicts.has(id) ? undefined : (blocked ?? untried(id, nameOf)))
    if (skipped) return { ...point, status: 'skipped', seen: skipped }
    const fault = verdicts.get(id)
    return fault ? { ...point, status: 'fails', seen: fault } : { ...point, status: 'holds', seen: undefined }
  })
  const failures = points.filter(({ status }) => status === 'fails')
  return { url: new URL(url).href, mode, holds: failures.length === 0, points, failures }
}

function untried(id: PointId, nameOf: NameOf): string {
  if (id === 'refresh-issued-at') return 'the access token is no JWT with iat'
  const isTooLong = id === 'api-expired-token' || id === 'sliding-expired-token'
  return isTooLong ? `the access token lives too long for ${nameOf('patience')}` : 'it could not be tried'
}
