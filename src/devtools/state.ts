import { instant, remaining } from '../kernel/clock.ts'
import type { Kernel } from '../kernel/feature.ts'
import { type Held, isExpired } from '../kernel/held.ts'
import { kernelOf } from '../kernel/registry.ts'
import { shortGeneration } from '../logging.ts'
import { clock } from './journal.ts'
import type { Client } from './record.ts'
import { scrub, scrubValue } from './scrub.ts'

/** The life of the token that is held, epoch milliseconds. */
export interface Life {
  readonly from: number
  readonly until: number
  /** From then on the timer refreshes. */
  readonly ahead: number
  readonly now: number
}

/** What holds now, for people. No token is in it: a token is named by its generation. */
export interface State {
  readonly rows: readonly (readonly [label: string, value: string])[]
  readonly life: Life | null
  readonly claims: unknown
  readonly user: unknown
}

export function readState(auth: Client): State {
  const { session } = auth
  const kernel = kernelOf(auth)
  const isSignedIn = session.status === 'authenticated'
  return {
    rows: [
      ['Status', statusOf(auth)],
      ...(kernel ? rowsOf(kernel) : []),
      ...(session.error
        ? [['Last error', scrub(`${session.error.message} (${session.error.code})`)] as const]
        : []),
    ],
    life: kernel?.session.held ? lifeOf(kernel, kernel.session.held) : null,
    claims: isSignedIn ? scrubValue(session.claims) : null,
    user: isSignedIn ? scrubValue(session.user) : null,
  }
}

/** For a report. */
export const factsOf = (auth: Client): string[] => {
  const left = ['Identity']
  return readState(auth)
    .rows.filter(([label]) => !left.includes(label))
    .map(([label, value]) => `${label}: ${value}`)
}

export function statusOf({ session }: Client): string {
  if (session.status === 'authenticated') return 'signed in'
  return session.status === 'anonymous' ? `signed out (${session.reason})` : 'not known yet'
}

function rowsOf(kernel: Kernel): (readonly [string, string])[] {
  const { session, backoff, environment, marker } = kernel
  const { held, identity } = session
  const pause = backoff.current
  const failures = pause && `${pause.failures} ${pause.failures === 1 ? 'failure' : 'failures'}`
  const until = pause?.error.retryAt
  return [
    ['Identity', identity ? scrub(identity.name ?? 'only the login is known') : 'nobody'],
    ['Access token', held ? tokenOf(kernel, held) : 'none'],
    ['Next refresh', nextOf(kernel)],
    ['Refresh token', placeOf(kernel)],
    [
      'Backoff',
      pause
        ? `${failures}; ${until === undefined ? 'not tried again by itself' : `not before ${clock(until)} (in ${seconds(until - environment.now())})`}${pause.told ? ', as another tab reports' : ''}`
        : 'none',
    ],
    [
      'Signed-out marker',
      marker.stands(session.stamp.epoch) ? 'set: nothing is restored or refreshed by itself' : 'not set',
    ],
    ['Features', featuresOf(kernel).join(', ') || 'none'],
  ]
}

export const seconds = (ms: number): string => {
  const whole = Math.max(0, Math.round(ms / 1_000))
  if (whole < 120) return `${whole} s`
  return whole < 7_200 ? `${Math.round(whole / 60)} min` : `${Math.round(whole / 3_600)} h`
}

function tokenOf({ environment, settings, cookies }: Kernel, held: Held): string {
  const name = `token ${shortGeneration(held.serial)}`
  const place = cookies ? ', in a cookie' : `, in memory, sent as ${settings.scheme}`
  if (!held.expires) return `${name}${place}; its expiry is unknown`
  if (isExpired(environment, held)) return `${name}${place}; it has expired`
  return `${name}${place}; it expires in ${seconds(remaining(environment, held.expires))}`
}

function nextOf(kernel: Kernel): string {
  const { settings, environment, session, backoff, refresher } = kernel
  const { held, snapshot } = session
  if (refresher.flight) return refresher.flight.sent ? 'under way' : 'waits for its turn'
  if (snapshot.status === 'anonymous') return 'none: nobody is signed in'
  if (!settings.endpoints.refresh) return 'none: the session ends with its token'
  if (!environment.online()) return 'when the browser is online'
  const isFailing = snapshot.error?.retryable === true
  if (!isFailing && !held?.expires) return held ? 'at the first 401' : 'none is due'
  const due = isFailing || !held?.expires ? 0 : remaining(environment, held.expires) - held.ahead
  const need = !held || isExpired(environment, held) ? 'dead' : 'ahead'
  const ms = Math.max(due, backoff.wait(need), backoff.limit())
  return ms > 1e12 ? 'none by itself' : `in ${seconds(ms)}`
}

function placeOf({ session, settings, storage, cookies }: Kernel): string {
  if (settings.sliding) return 'none: the access token renews itself'
  if (!settings.endpoints.refresh) return 'none'
  if (session.isFollower) return 'in another tab, which refreshes for this one'
  if (session.tokens?.refreshToken) {
    return storage
      ? `in memory and in ${storage.shared ? 'a storage that all tabs share' : 'the storage of this tab'}`
      : 'in memory'
  }
  if (!session.held) return 'none that JavaScript can read'
  return cookies ? 'in an HttpOnly cookie' : 'in an HttpOnly cookie, or none: JavaScript has none'
}

/** Which of the features are on, by the function that an app imports. */
export function featuresOf(kernel: Kernel): string[] {
  const { tabs, storage, idle, csrf, cookies, flow, proof } = kernel
  return [
    tabs && (tabs.sharesTokens ? 'shareTabs()' : 'shareTabs({ tokens: false })'),
    storage && (storage.shared ? 'storage, shared by all tabs' : 'storage of this tab'),
    idle && 'idleTimeout()',
    csrf && 'doubleSubmit()',
    cookies && 'cookieMode()',
    flow && 'a flow, such as oauth()',
    proof && 'a proof, such as dpop()',
  ].filter(name => name !== undefined)
}

function lifeOf({ environment }: Kernel, { expires, lifetime, ahead }: Held): Life | null {
  if (!expires || lifetime === null) return null
  const { wall } = instant(environment)
  const until = wall + remaining(environment, expires)
  return {
    from: until - Math.max(lifetime, until - wall),
    until,
    ahead: until - Math.max(0, ahead),
    now: wall,
  }
}

/** Which tabs show a token, by the locks that they hold. `null`: the tabs share none, or the browser does not say. */
export async function readTabs(auth: Client): Promise<string | null> {
  const kernel = kernelOf(auth)
  if (!kernel?.tabs?.sharesTokens) return null
  const prefix = `silent-refresh:${kernel.settings.sessionKey}:held:`
  try {
    const { held = [] } = (await kernel.environment.locks()?.query()) ?? {}
    const serials = held
      .flatMap(({ name }) =>
        name?.startsWith(prefix) ? [Number.parseInt(name.slice(prefix.length), 10)] : [],
      )
      .filter(Number.isSafeInteger)
    const names = [...new Set(serials)].map(serial => `token ${shortGeneration(serial)}`).join(', ')
    return serials.length === 0
      ? 'no tab shows a token now'
      : `${serials.length} with ${names}; hidden tabs do not show theirs for long`
  } catch {
    return null
  }
}
