import { MAX_TIMER } from './clock.ts'
import type { Environment } from './environment.ts'
import { createNote } from './note.ts'
import type { Settings } from './options.ts'
import type { Tabs } from './tabs.ts'
import type { AuthEventMap, Session } from './types.ts'

export interface Idle {
  /** The tick: sets the alarm for when the user will have been away too long, or looks whether they have. */
  look(): void
  /** The user is here. */
  touch(): void
  /** The user has done something: counts unless it comes too late. */
  act(): void
  /** The session is over: what is known of its user's activity says nothing about the next one. `here`: in this tab first. */
  forget(here: boolean): void
  /** By what is known in this tab, and rests in the browser. */
  isOver(): boolean
  /**
   * Where it is over, as far as is known here: gives the siblings a moment, and signs out if they know no better. Takes as
   * long as the lock does, and a second.
   */
  judged(): Promise<void>
  /** The last activity that is known of, epoch milliseconds. */
  active(): number | undefined
  dispose(): void
}

/** How long what a sibling has noted of the user may take to be seen here: browsers show it late. */
const ANSWER_TIME = 1_000

const NEVER_IDLE: Idle = {
  look() {},
  touch() {},
  act() {},
  forget() {},
  isOver: () => false,
  judged: async () => {},
  active: () => undefined,
  dispose() {},
}

/** Signs a user out who is away. The alarm only rings: what counts is the clock, and what every tab has seen. */
export function createIdle(
  settings: Settings,
  environment: Environment,
  tabs: Pick<Tabs, 'exclusive' | 'consult'>,
  status: () => Session['status'],
  signOut: () => void,
  warn: (warning: AuthEventMap['idleWarning']) => void,
): Idle {
  const { idleTimeout, idleWarning = 0 } = settings
  // A worker sees no user, and cannot read what the pages have noted of one.
  if (!idleTimeout || !environment.page || environment.page.isWorker) return NEVER_IDLE
  const limit = idleTimeout
  // The tabs know of each other's user by this alone: any script of the origin can send a message at any time, and would
  // keep a session from ending by it. Where storage is blocked each tab knows only what was done in it.
  const note = createNote(settings, environment, 'active')
  const step = Math.min(1_000, limit / 10)
  let last = 0
  let undo = () => {}
  let disposed = false
  let judging: Promise<void> | null = null
  /** The sign-out that the app was warned of, epoch milliseconds. */
  let warned: number | null = null

  function active(): number | undefined {
    const known = note.read()
    // One in the future comes from a clock that was set back since, or from a stranger.
    if (known && known > last && known <= environment.now()) last = known
    return last || undefined
  }

  function touch(): void {
    const now = environment.now()
    // A warning can come so early that the last activity is not a step ago: this one withdraws it.
    if (warned === null && now >= last && now - last < step) return
    last = now
    note.write(now)
  }

  function forget(here: boolean): void {
    last = 0
    if (here) note.remove()
  }

  const isSignedIn = (): boolean => status() === 'authenticated'

  /** Looks no further than needed: this is asked before each request. */
  const isOver = (): boolean => environment.now() - last >= limit && left() <= 0

  function left(): number {
    // Where nothing is known of it, the time begins now.
    last = active() ?? environment.now()
    return last + limit - environment.now()
  }

  function look(): void {
    undo()
    if (disposed) return
    if (!isSignedIn()) {
      warnOf(null)
      return
    }
    const ms = left()
    const isNear = ms <= idleWarning
    // Too late for a warning, a user who is away is judged.
    if (ms > 0) warnOf(isNear ? last + limit : null)
    const wait = Math.max(0, Math.min(isNear ? ms : ms - idleWarning, MAX_TIMER))
    undo = environment.timer(() => (left() > 0 ? look() : void judge()), wait)
  }

  function warnOf(signOutAt: number | null): void {
    if (signOutAt === warned) return
    warned = signOutAt
    warn(signOutAt === null ? null : { signOutAt })
  }

  function act(): void {
    // Whoever comes back too late is not there any more.
    if (disposed || status() === 'anonymous' || isOver()) return
    touch()
    withdraw()
  }

  /** Where a warning is shown, there may be no reason for it any more. */
  function withdraw(): void {
    if (warned !== null) look()
  }

  /** Once for all who wait for it. */
  function judge(): Promise<void> {
    judging ??= judgement().finally(() => {
      judging = null
      look()
    })
    return judging
  }

  /** Under the lock, so that tabs which were asleep do not all ask, and sign out, at once. */
  async function judgement(): Promise<void> {
    await tabs.exclusive(async () => {
      // An answer only makes this tab look at the note again.
      const question = { type: 'hello', generation: 0 } as const
      if (isSignedIn()) await tabs.consult(question, () => left() > 0, ANSWER_TIME)
      if (!disposed && isSignedIn() && left() <= 0) signOut()
    })
  }

  const stopListening = environment.onActivity(act)
  const stopHearing = idleWarning ? environment.onStorage(withdraw) : () => {}

  return {
    look,
    touch,
    act,
    forget,
    isOver,
    async judged() {
      if (isSignedIn() && isOver()) await judge()
    },
    active,
    dispose() {
      disposed = true
      undo()
      stopListening()
      stopHearing()
    },
  }
}
