import { MAX_TIMER } from '../kernel/clock.ts'
import { onActivity, onStorage } from '../kernel/environment.ts'
import { demand, type Kernel, plan } from '../kernel/feature.ts'
import { createNote } from '../kernel/note.ts'
import { hasOnly, pick } from '../kernel/own.ts'
import type { IdlePart } from '../kernel/parts.ts'
import type { Feature } from '../types.ts'

/** What `idleTimeout` takes beside the time. */
export interface IdleTimeoutOptions {
  /**
   * Milliseconds before the sign-out at which the event `idleWarning` is emitted, so that the app can show "you will be
   * signed out in 60 seconds". Each tab emits it. Any activity in any tab withdraws it. Less than the timeout.
   * @default none: no warning
   */
  warnBefore?: number | undefined
}

const isDuration = (value: unknown): boolean => typeof value === 'number' && value > 0 && value < 2 ** 40

/**
 * Signs the user out (`idle`) after so many milliseconds without a key, pointer or touch in any tab, asleep or with all
 * tabs closed included. It goes by the computer's clock. For show and for shared screens: the server has to enforce it too. The tabs read each other's
 * activity in localStorage: where that is blocked, each tab knows its own activity only. A request that finds the time
 * over waits for the verdict: for its turn (see `timeout`) and a second.
 *
 * @throws AuthError `invalid_option`
 * @example
 * createAuthClient({ idle: idleTimeout(15 * 60_000, { warnBefore: 60_000 }) })
 */
export function idleTimeout(ms: number, options: IdleTimeoutOptions = {}): Feature<'idle'> {
  const isGiven = isDuration(ms) && hasOnly(options, 'warnBefore')
  demand(isGiven, 'idleTimeout', 'given a positive number of milliseconds, and { warnBefore } or nothing')
  const { warnBefore } = pick(options, 'warnBefore')
  const isInTime = warnBefore === undefined || (isDuration(warnBefore) && warnBefore < ms)
  demand(isInTime, 'warnBefore', 'a positive number of milliseconds, less than "idleTimeout"')
  return plan('idle', kernel => {
    const { page } = kernel.environment
    // A worker sees no activity, and cannot read the note of the pages.
    return page && !page.isWorker ? createIdle(kernel, ms, warnBefore) : undefined
  })
}

/** How long the note of a sibling may take to be visible in this tab: browsers show it late. */
const ANSWER_TIME = 1_000

/** The timer decides nothing: what counts is the clock, and the last activity in any tab. */
function createIdle(kernel: Kernel, limit: number, warnBefore = 0): IdlePart {
  const { environment, disposal } = kernel
  // Tabs share activity by this note only, not by messages: any script of the origin could send messages and so keep
  // the session alive. If storage is blocked, each tab knows its own activity only.
  const note = createNote(kernel, 'active')
  const step = Math.min(1_000, limit / 10)
  let last = 0
  let undo = () => {}
  let judging: Promise<void> | null = null
  /** The sign-out that the app was warned of, epoch milliseconds. */
  let warned: number | null = null

  const status = () => kernel.session.snapshot.status

  /** The last activity that is known of, epoch milliseconds; 0: none. */
  function active(): number {
    const known = note.read() ?? 0
    // A time in the future comes from a clock that was set back since, or from another script.
    if (known > last && known <= environment.now()) last = known
    return last
  }

  /** The user is here. */
  function touch(): void {
    const now = environment.now()
    // While a warning is shown every activity counts, even one shortly after the last: it withdraws the warning.
    if (warned === null && now >= last && now - last < step) return
    last = now
    note.write(now)
  }

  const isSignedIn = (): boolean => status() === 'authenticated'

  /** Called before each request, so it reads the storage only if the time seems over. */
  const isOver = (): boolean => environment.now() - last >= limit && left() <= 0

  function left(): number {
    // If no activity is known, the time begins now.
    last = active() || environment.now()
    return last + limit - environment.now()
  }

  /** Sets the timer for the warning and the sign-out, or emits the warning if it is due. */
  function look(): void {
    undo()
    if (disposal.signal.aborted) return
    if (!isSignedIn()) {
      warnOf(null)
      return
    }
    const ms = left()
    const isNear = ms <= warnBefore
    // If the time is over, it is too late for a warning.
    if (ms > 0) warnOf(isNear ? last + limit : null)
    const wait = Math.max(0, Math.min(isNear ? ms : ms - warnBefore, MAX_TIMER))
    undo = environment.timer(() => (left() > 0 ? look() : void judge()), wait)
  }

  function warnOf(signOutAt: number | null): void {
    if (signOutAt === warned) return
    warned = signOutAt
    kernel.emit('idleWarning', signOutAt === null ? null : { signOutAt })
  }

  function act(): void {
    // Activity after the time is over does not count: the user is signed out.
    if (disposal.signal.aborted || status() === 'anonymous' || isOver()) return
    touch()
    withdraw()
  }

  /** If a warning is shown, looks whether it still holds. */
  function withdraw(): void {
    if (warned !== null) look()
  }

  /** All callers share one. Under the lock, so that tabs which were asleep do not all ask, and sign out, at once. */
  function judge(): Promise<void> {
    judging ??= kernel
      .exclusive(async () => {
        // An answer of a sibling only makes this tab read the note again.
        if (isSignedIn()) await kernel.tabs?.askAround(() => left() > 0, ANSWER_TIME)
        if (!disposal.signal.aborted && isSignedIn() && left() <= 0) void kernel.ending.signOut('idle')
      })
      .finally(() => {
        judging = null
        look()
      })
    return judging
  }

  const stopListening = (environment.onActivity ?? onActivity)(act)
  const stopHearing = warnBefore ? (environment.onStorage ?? onStorage)(withdraw) : () => {}

  return {
    isOver,
    act,
    async judged() {
      if (isSignedIn() && isOver()) await judge()
    },
    changed(change) {
      // A restore is no activity: a page can reload itself.
      if (change.type === 'commit' && (change.decides || !active())) touch()
      if (change.type === 'clear') {
        // The activity in this session says nothing about the next one.
        last = 0
        if (!change.told) note.remove()
      }
      look()
    },
    bars() {
      const isAway = status() === 'unknown' && isOver()
      if (isAway) {
        kernel.settings.log({ type: 'barred', why: 'idle' })
        void kernel.ending.signOut('idle')
      }
      return isAway
    },
    woke: look,
    dispose() {
      undo()
      stopListening()
      stopHearing()
    },
  }
}
