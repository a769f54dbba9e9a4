import { MAX_TIMER } from './clock.ts'
import type { Environment } from './environment.ts'
import { createNote } from './note.ts'
import type { Settings } from './options.ts'
import type { Tabs } from './tabs.ts'
import type { Session } from './types.ts'

export interface Idle {
  /** The tick: sets the alarm for when the user will have been away too long, or looks whether they have. */
  look(): void
  /** The user is here. */
  touch(): void
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
): Idle {
  const { idleTimeout } = settings
  if (!idleTimeout || !environment.page) return NEVER_IDLE
  const limit = idleTimeout
  // The tabs know of each other's user by this alone: any script of the origin can send a message at any time, and would
  // keep a session from ending by it. Where storage is blocked each tab knows only what was done in it.
  const note = createNote(settings, environment, 'active')
  const step = Math.min(1_000, limit / 10)
  let last = 0
  let undo = () => {}
  let disposed = false
  let judging: Promise<void> | null = null

  function active(): number | undefined {
    const known = note.read()
    // One in the future comes from a clock that was set back since, or from a stranger.
    if (known && known > last && known <= environment.now()) last = known
    return last || undefined
  }

  function touch(): void {
    const now = environment.now()
    if (now >= last && now - last < step) return
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
    if (disposed || !isSignedIn()) return
    const ms = left()
    undo = environment.timer(() => (left() > 0 ? look() : void judge()), Math.max(0, Math.min(ms, MAX_TIMER)))
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

  const stopListening = environment.onActivity(() => {
    // Whoever comes back too late is not there any more.
    if (status() !== 'anonymous' && !isOver()) touch()
  })

  return {
    look,
    touch,
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
    },
  }
}
