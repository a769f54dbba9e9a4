import { type Backend, createBackend, LoginLimit, Stopped } from './backend.ts'
import { checkAnswers } from './checks/answers.ts'
import { checkApi } from './checks/api.ts'
import { checkCors } from './checks/cors.ts'
import { checkCsrfOfApi, checkEarlierCsrf, checkMissingCsrf, checkPlantedCsrf } from './checks/csrf.ts'
import { checkLater } from './checks/later.ts'
import { checkLogout, checkRotatedLogout } from './checks/logout.ts'
import { checkOrigin } from './checks/origin.ts'
import { checkIssuedAt, checkRefusedRefreshes } from './checks/refresh.ts'
import { checkGrace, checkSuperseded } from './checks/reuse.ts'
import { checkLogin, checkRefusedLogins, checkWrongPassword, NO_LOGIN } from './checks/sign-in.ts'
import { checkSliding } from './checks/sliding.ts'
import { checkUser } from './checks/user.ts'
import type { Fault, Judge } from './judge.ts'
import type { ContractMode } from './mode.ts'
import { type ContractOptions, type NameOf, readSettings } from './options.ts'
import type { ContractPoint, PointId } from './point.ts'
import { pointsIn } from './points.ts'
import { whyNotIn } from './scope.ts'
import { isOk } from './tokens.ts'

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
  run(backend: Backend, judge: Judge): Promise<unknown> | void
}

const WRONG_PASSWORD: Check = { points: ['login-wrong-password'], run: checkWrongPassword }
const REFUSED_LOGINS: Check = {
  points: ['login-wrong-password', 'login-unknown-user', 'login-malformed'],
  run: checkRefusedLogins,
}
const ANSWERS: Check = { points: ['no-store', 'error-bodies'], run: checkAnswers }

/**
 * After the first login. What one of them breaks disturbs no other: each that refreshes or logs out has a login of its own.
 */
const CHECKS: readonly Check[] = [
  REFUSED_LOGINS,
  {
    points: ['refresh-no-token', 'refresh-unknown-token', 'refresh-keeps-cookies'],
    run: checkRefusedRefreshes,
  },
  { points: ['api', 'api-no-token', 'api-bad-token', 'api-forged-token'], run: checkApi },
  { points: ['me', 'me-nobody'], run: checkUser },
  { points: ['csrf-api'], run: checkCsrfOfApi },
  { points: ['origin', 'origin-missing', 'origin-echo'], run: checkOrigin },
  { points: ['csrf'], run: checkMissingCsrf },
  { points: ['csrf-planted'], run: checkPlantedCsrf },
  { points: ['csrf-earlier'], run: checkEarlierCsrf },
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
export function checkBackend(url: string | URL, options: ContractOptions = {}): Promise<ContractReport> {
  return tryBackend(url, options, name => `"${name}"`)
}

/** `checkBackend`, with hints in the words of the reader. */
export async function tryBackend(
  url: string | URL,
  options: ContractOptions,
  nameOf: NameOf,
): Promise<ContractReport> {
  const settings = readSettings(url, options, nameOf)
  const backend = createBackend(settings)
  const verdicts = new Map<PointId, Fault | null>()
  const skipped = new Map<PointId, string>()
  const judge: Judge = (id, fault) => {
    if (verdicts.get(id)) return
    const told = typeof fault === 'string' ? fault !== '' && { seen: fault } : fault
    // A server may quote what it was sent.
    verdicts.set(id, told ? { ...told, seen: told.seen.replaceAll(settings.password, '…') } : null)
  }

  /** @returns why it has stopped, if it has */
  async function stopOf(run: Check['run']): Promise<Stopped | undefined> {
    try {
      await run(backend, judge)
      return undefined
    } catch (error) {
      if (!(error instanceof Stopped)) throw error
      if (error instanceof LoginLimit) judge('login', error.fault)
      return error
    }
  }

  async function tryOut({ points, run }: Check): Promise<void> {
    const open = points.filter(id => !settings.leftOut(id))
    const stop = open.length > 0 && (await stopOf(run))
    if (!stop) return
    for (const id of open) {
      // Half of a check proves nothing.
      if (stop instanceof LoginLimit && !verdicts.get(id)) skipped.set(id, stop.message)
      else if (!verdicts.has(id)) judge(id, stop.message)
    }
  }

  const blocked = (await stopOf(checkLogin))?.message
  for (const check of checksAfter(blocked, backend)) await tryOut(check)

  const { mode } = settings
  const points = pointsIn(mode).map((point): ContractResult => {
    const { id } = point
    const other = whyNotIn(mode, id)
    if (other) return { ...point, status: 'inapplicable', seen: other }
    // A check that was cut short must not pass.
    const isCutShort = id === 'login' && backend.limit !== null
    const why =
      (isCutShort ? undefined : settings.leftOut(id)) ??
      skipped.get(id) ??
      (verdicts.has(id) ? undefined : (blocked ?? untried(id, nameOf)))
    if (why) return { ...point, status: 'skipped', seen: why }
    const fault = verdicts.get(id)
    return fault ? { ...point, ...fault, status: 'fails' } : { ...point, status: 'holds', seen: undefined }
  })
  const failures = points.filter(({ status }) => status === 'fails')
  return { url: new URL(url).href, mode, holds: failures.length === 0, points, failures }
}

/** A server that lets nobody in can refuse everything alike, which proves nothing. */
function checksAfter(blocked: string | undefined, { received }: Backend): readonly Check[] {
  if (!blocked) return [...CHECKS, ANSWERS]
  if (blocked !== NO_LOGIN) return [REFUSED_LOGINS]
  return received.some(({ answer }) => isOk(answer)) ? [WRONG_PASSWORD] : []
}

function untried(id: PointId, nameOf: NameOf): string {
  if (id === 'refresh-issued-at') return 'the access token is no JWT with iat'
  const isTooLong = id === 'api-expired-token' || id === 'sliding-expired-token'
  return isTooLong ? `the access token lives too long for ${nameOf('patience')}` : 'it could not be tried'
}
