import type { Disposal } from './abort.ts'
import { instant, later, remaining } from './clock.ts'
import type { Decisions } from './decisions.ts'
import type { Environment } from './environment.ts'
import type { AuthError } from './errors.ts'
import type { Marker } from './marker.ts'
import { createNote, type NoteNeeds } from './note.ts'
import { NOTHING } from './own.ts'
import type { Rest } from './rest.ts'
import type { SessionHolder } from './session.ts'

export type Rested = Promise<Rest | null | undefined>

/** When a logout that the server has not confirmed is sent again, and by which page. */
interface LogoutRetries {
  /** A logout begins. `asked`: by the app or the user on this page. */
  begin(asked: boolean): void
  failed(error: AuthError): void
  /** There is a marker, maybe of a logout in another page. `rested`: the stored token. */
  found(rested: Rested): Promise<void>
  retry(): void
  doubt(): void
  /** The server has confirmed, or somebody is signed in. */
  forget(): void
  dispose(): void
}

interface Needs extends NoteNeeds {
  readonly environment: Environment
  readonly session: SessionHolder
  readonly marker: Marker
  readonly decisions: Pick<Decisions, 'asking'>
  readonly disposal: Pick<Disposal, 'reason'>
}

const RETRY = 1_000
const MAX_RETRY = 15 * 60_000

export function createLogoutRetries(kernel: Needs, run: (rested?: Rested) => void): LogoutRetries {
  const { settings, environment, session, marker } = kernel
  /** When a page that did not sign out itself may retry. */
  const mayRetryAt = environment.page && later(instant(environment), settings.timeout)
  /** The note that the server would answer this logout in the same way again, so no page repeats it. */
  const pointless = createNote(kernel, 'logout-answered')
  /** This page made a logout that is not confirmed, and knows of no login since. */
  let isOurs = false
  let hasAppAsked = false
  let failures = 0
  let cancel = () => {}

  function retryIn(ms: number): void {
    cancel()
    if (!kernel.disposal.reason && environment.page) cancel = environment.timer(retry, ms)
  }

  /**
   * A page that did not sign out itself may have come back from a login by redirect. So it retries only if it was reached
   * from this origin, and after the app has had time to ask who is signed in.
   */
  function retry(): void {
    if (session.snapshot.status !== 'anonymous' || !marker.stands(session.stamp.epoch)) return
    if (pointless.read() != null) return
    if (kernel.decisions.asking) {
      retryIn(RETRY)
      return
    }
    if (!isOurs && (hasAppAsked || !isFromHere())) return
    const wait = isOurs || !mayRetryAt ? 0 : remaining(environment, mayRetryAt)
    // A timer can ring a little early.
    if (wait > 0) retryIn(Math.ceil(wait))
    else run()
  }

  function isFromHere(): boolean {
    const { referrer = '', origin } = environment.page ?? NOTHING
    return URL.canParse(referrer) && new URL(referrer).origin === origin
  }

  return {
    begin(asked) {
      cancel()
      if (!asked) return
      isOurs = true
      pointless.remove()
    },
    failed(error) {
      if (error.retryable) {
        // A server that is away is asked less and less often.
        const wait = Math.min(MAX_RETRY, RETRY * 2 ** failures++) * (1 - environment.random() / 2)
        retryIn(Math.max(wait, (error.retryAt ?? 0) - environment.now()))
        return
      }
      isOurs = false
      hasAppAsked = true
      pointless.write(Math.floor(environment.now()))
    },
    async found(rested) {
      // A call with a refresh token ends that session only, and no newer one.
      if (isOurs || (await rested)?.refreshToken) run(rested)
      else retry()
    },
    retry,
    doubt() {
      hasAppAsked = true
    },
    forget() {
      cancel()
      isOurs = false
      failures = 0
    },
    dispose: () => cancel(),
  }
}
