import { DAY } from './clock.ts'
import type { Channel, Environment } from './environment.ts'
import {
  type Handover,
  isGeneration,
  lastGeneration,
  type News,
  type Question,
  readMessage,
  VERSION,
} from './messages.ts'
import { createNote } from './note.ts'
import type { Settings } from './options.ts'
import type { SessionHolder } from './session.ts'

/** When the app asked who is signed in: orders its call among what all tabs ask the server for. */
export interface Moment {
  /** Epoch milliseconds. */
  readonly at: number
  /** The newest generation that was shown then; above all others until the browser has told it. */
  generation: number
}

export const ANY_TIME: Moment = { at: 0, generation: 0 }

/** Was the server asked for a session after that? Within one millisecond its generation says so. */
export const isAfter = ({ at, generation: shown }: Moment, askedAt: number, generation: number): boolean =>
  askedAt > at || (askedAt === at && generation > shown)

/** What the client needs of the other tabs. One tab alone is the smallest answer to it. */
export interface Tabs {
  /** Runs refresh, login and logout one at a time in the whole browser. `alone`: a holder did not let go in time. */
  exclusive<T>(task: (alone: boolean) => Promise<T>, giveUp?: AbortSignal): Promise<T>
  /**
   * Under the lock: has a sibling a newer session? Then it is asked to hand it over. `after`: one that it had, or had
   * asked the server for, by then is none.
   */
  catchUp(after?: Moment): Promise<boolean>
  /** The newest generation that a tab shows. */
  newest(): Promise<number>
  /** Asks the siblings, and waits until what they say has made it so, for so many milliseconds at most. */
  consult(question: Question, isAnswered: () => boolean, ms: number, giveUp?: AbortSignal): Promise<void>
  /** Makes this client the one that refreshes for this lineage, unless another is. Without locks every one is its own. */
  own(lineage: number): Promise<Owner>
  /** By whatever tab; without a lineage: is any? */
  isOwned(lineage?: number | null): Promise<boolean>
  tell(news: News): void
  dispose(): void
}

/**
 * Which client refreshes for a lineage: this one; one of another tab, so that what is stored in this tab is the copy that
 * a duplicated tab brought along; or another one, which may be of this very document and have the same storage.
 */
export type Owner = 'this client' | 'another client' | 'another tab'

export interface Inbox {
  /** The session of this tab, for another one; `null` where it is not to be had. */
  session(): Handover | null
  read(news: News): Promise<void>
  /** A follower wants a refresh. */
  renew(isDead: boolean, since: number): void
  isRefreshing(): boolean
  /** The client of this document that refreshed for this one is gone. */
  inherit(): void
  /** When what rests in the app's storage has arrived there. */
  settled(): Promise<unknown>
}

interface Hold {
  readonly granted: Promise<boolean>
  release(): void
}

interface Claim extends Hold {
  readonly lineage: number
}

/** How long a sibling may take to hand its session over. */
const ANSWER_TIME = 1_000
/** The same, where nothing says whether there is one. */
const BLIND_TIME = 250
/**
 * A login, a logout, or a refresh that is answered in time, holds the lock no longer than the timeout and this. A refresh
 * may last twice the timeout, since an answer that was given up can burn the session: so whoever holds the lock for
 * longer is asked whether it is alive, and has twice the timeout and this if it is.
 */
const LOCK_MARGIN = 2_000
/** A shared lock keeps a page from being frozen: it is not kept for longer than it serves. */
const HIDDEN_HOLD = 60_000
const REFRESH_HOLD = 5_000
/** A flood of messages is acted upon so many times in so many milliseconds; whoever is not answered goes on without. */
const FLOOD = 50
const FLOOD_SPAN = 20_000
/** Fewer than the refreshes that a tab allows itself in that time: its own requests still get theirs. */
const RENEWALS = 8

export function createSoloTab(): Tabs {
  let last: Promise<unknown> = Promise.resolve()
  return {
    exclusive(task) {
      const run = last.then(
        () => task(false),
        () => task(false),
      )
      last = run.catch(() => {})
      return run
    },
    catchUp: async () => false,
    newest: async () => 0,
    consult: async () => {},
    own: async () => 'this client',
    isOwned: async () => false,
    tell() {},
    dispose() {},
  }
}

/** Takes a lock and keeps it; `granted` settles with `false` where another tab has it, or when it was released before. */
function hold(manager: Pick<LockManager, 'request'>, name: string, options: LockOptions): Hold {
  const giveUp = new AbortController()
  const { signal } = giveUp
  const released = new Promise<void>(done => signal.addEventListener('abort', () => done()))
  const granted = new Promise<boolean>(resolve => {
    const keep = (lock: Lock | null) => {
      resolve(lock !== null)
      return lock && released
    }
    const all = options.ifAvailable ? options : { ...options, signal }
    manager.request(name, all, keep).catch(() => resolve(!signal.aborted))
  })
  return { granted, release: () => giveUp.abort() }
}

/**
 * Web Locks order the tabs, BroadcastChannel informs them. What counts is what `locks.query()` shows under the lock:
 * messages are not ordered with the hand-over of a lock. So a tab shows what it holds by a shared lock, named by the
 * generation and taken before the exclusive lock is let go.
 */
export function createTabs(
  settings: Settings,
  environment: Environment,
  session: SessionHolder,
  inbox: Inbox,
): Tabs {
  const key = `silent-refresh:${settings.sessionKey}`
  const shares = settings.tabs !== 'notify'
  const solo = createSoloTab()
  const missing = new Set<string>()
  /** `undefined`: nobody has needed it yet; `null`: it is not to be had. */
  let channel: Channel | null | undefined
  const disposal = new AbortController()
  /** The lock that shows what this tab holds; empty: none. */
  let shown = ''
  let letGo = () => {}
  let showing: Promise<unknown> = Promise.resolve()
  let isAway = false
  let owning: Claim | null = null
  /** Next in turn for what another client of this document owns. */
  let heir: Claim | null = null
  const consulting = new Set<() => void>()
  let cancelFade = () => {}
  /** Until when a token that renews itself is in a tab which is hidden and shows no lock, but may be awake. */
  const hidden = createNote(settings, environment, 'hidden')
  let isNoted = false
  /** The highest number that was heard or seen. */
  let farthest = 0
  /** This tab has the lock: `false` the exclusive one, `true` the one of those that go on without its holder. */
  let inside: boolean | null = null
  /** The lock whose holder was heard to be alive, just now. */
  let alive: boolean | null = null
  /** Who was found frozen with it: it is not waited for again. */
  const frozen = new Map<string, string | undefined>()
  /** Who was seen with a lock last, and since when: whoever waits next does not begin to count anew. */
  const watched = new Map<string, { holder: string | undefined; since: number; seenAt: number }>()
  const heard = new Map<string, { since: number; times: number }>()

  function degrade(part: 'locks' | 'lock-query' | 'channel'): void {
    // A page on its way to or from the back/forward cache is refused everything, for that while.
    if (isAway) return
    if (!missing.has(part)) settings.log({ type: 'tabs-degraded', missing: part })
    missing.add(part)
  }

  function locks(): ReturnType<Environment['locks']> {
    if (missing.has('locks')) return undefined
    const manager = environment.locks()
    if (!manager) degrade('locks')
    return manager
  }

  /** Whoever comes a task late has missed no more than one that was created then: `hello` asks what there is. */
  function open(): void {
    if (channel !== undefined || environment.prerendering()) return
    channel = null
    try {
      channel = environment.channel(key)
      channel.onmessage = ({ data }) => {
        const message = readMessage(data, lastNumber())
        if (!message) return
        farthest = Math.max(farthest, message.generation, ('decided' in message && message.decided) || 0)
        void receive(message).then(reconsider)
      }
      post({ type: 'hello', generation: 0 })
    } catch {
      degrade('channel')
    }
  }

  const lastNumber = (): number =>
    lastGeneration(environment.now(), Math.max(farthest, session.generation, session.decided))

  /** Has this been asked or told too often lately? */
  function isFlood(type: string, most = FLOOD): boolean {
    const now = environment.monotonic()
    let count = heard.get(type)
    if (!count || now - count.since >= FLOOD_SPAN) {
      count = { since: now, times: 0 }
      heard.set(type, count)
    }
    return ++count.times > most
  }

  async function receive(message: News | Question): Promise<void> {
    const { generation, decided } = session
    switch (message.type) {
      case 'hello':
        if (isFlood('hello')) return
        leaveNote()
        post({ type: 'here', generation, decided })
        return
      case 'here': {
        const isLate = session.snapshot.status === 'anonymous' && (message.decided ?? 0) > decided
        session.see(message.generation, message.decided)
        // Somebody may have signed in there before this tab could hear of it.
        if (isLate) post({ type: 'ask', generation: message.generation })
        return
      }
      case 'ask':
        if (shares && generation >= message.generation && !isFlood('offer')) offer()
        return
      case 'renew': {
        if (session.isFollower || session.lineage === null) return
        const since = Math.min(message.since ?? 0, environment.now())
        const isNewer = generation > message.generation && (session.held?.askedAt ?? 0) >= since
        if (isNewer) {
          if (!isFlood('offer')) offer()
        } else if ((since === 0 && inbox.isRefreshing()) || !isFlood('renew', RENEWALS)) {
          // One that is asked for by an app can need another refresh after the one under way.
          inbox.renew(message.dead === true, since)
        }
        return
      }
      case 'waiting':
        if (inside === (message.alone === true) && !isFlood('waiting')) {
          post({ type: 'alive', generation: 0, alone: inside })
        }
        return
      case 'alive':
        alive = message.alone === true
        return
      default:
        // Each session that is newer may cost a call of the user endpoint.
        if (message.type === 'session' && message.generation > generation && isFlood('session')) return
        await inbox.read(message)
        await show()
    }
  }

  function reconsider(): void {
    for (const look of [...consulting]) look()
  }

  function close(): void {
    if (isNoted) {
      takeNote()
      // Whoever else is hidden leaves it again.
      post({ type: 'hello', generation: 0 })
    }
    channel?.close()
    channel = null
    hide()
    disown()
    disinherit()
  }

  function post(message: News | Question): void {
    try {
      channel?.postMessage({ v: VERSION, ...message })
    } catch {
      try {
        // A user of the app's own making that cannot be cloned: the others do without.
        channel?.postMessage({ v: VERSION, ...message, user: undefined })
      } catch {
        degrade('channel')
      }
    }
  }

  function offer(): void {
    const own = inbox.session()
    if (own) tell(own)
  }

  function tell(news: News): void {
    open()
    void show()
    // Who refreshes for whom is seen by locks, and a tab that is told no token has none to refresh.
    const isFollowed = shares && locks() && !missing.has('lock-query')
    if (news.type === 'session' && news.lineage !== null && !isFollowed) return
    post(news)
  }

  /** One turn of this tab after the other: none is then granted two while another tab waits. */
  const exclusive: Tabs['exclusive'] = (task, giveUp = disposal.signal) => {
    open()
    return solo.exclusive(() => inTurn(key, task, giveUp, false))
  }

  /** Whoever cannot wait any longer for a frozen holder takes turns with the others who cannot. */
  async function inTurn<T>(
    name: string,
    task: (alone: boolean) => Promise<T>,
    giveUp: AbortSignal,
    alone: boolean,
  ): Promise<T> {
    const manager = locks()
    if (!manager) return task(alone)
    const waiting = new AbortController()
    const stopWatching = watch(manager, name, alone, () => waiting.abort())
    const signal = AbortSignal.any([waiting.signal, disposal.signal, giveUp])
    let run: Promise<T> | undefined
    try {
      await manager.request(name, { signal }, async () => {
        stopWatching()
        // Whoever had it before has let it go.
        watched.delete(name)
        inside = alone
        try {
          // Whatever is decided under the lock comes after what those before have decided.
          await newestShown()
          run = task(alone)
          await run.catch(() => {})
          await inbox.settled()
          await show()
        } finally {
          inside = null
        }
      })
    } catch {
      stopWatching()
      if (!run && !signal.aborted) degrade('locks')
    }
    if (run) return run
    if (waiting.signal.aborted && !alone) return inTurn(`${key}:alone`, task, giveUp, true)
    return task(signal.aborted)
  }

  /** Calls back when one and the same tab holds the lock for longer than anybody may who is not frozen. */
  function watch(
    manager: NonNullable<ReturnType<typeof locks>>,
    name: string,
    alone: boolean,
    stuck: () => void,
  ): () => void {
    const { timeout, log } = settings
    let holder: string | null | undefined = null
    let since = 0
    let askAt = 0
    let isFrozen = false
    let undo = environment.timer(look, 0)
    let stopped = false

    async function look(): Promise<void> {
      const current = await holderNow()
      if (stopped) return
      const now = environment.monotonic()
      if (current !== holder) {
        if (holder === null) log({ type: 'lock', state: 'waiting' })
        holder = current
        const last = watched.get(name)
        const isKnown = current !== undefined && frozen.get(name) === current
        const isStill = last && last.holder === current && now - last.seenAt <= 2 * LOCK_MARGIN
        since = isStill && !isKnown ? last.since : now
        askAt = isKnown && channel ? now : since + timeout + LOCK_MARGIN
        isFrozen = false
        watched.set(name, { holder: current, since, seenAt: now })
        return again()
      }
      watched.set(name, { holder: current, since, seenAt: now })
      if (now < askAt) return again()
      const end = since + 2 * timeout + LOCK_MARGIN
      if (now < end && !isFrozen) {
        isFrozen = await isSilent()
        // Another one may have taken its turn meanwhile.
        if (isFrozen) return look()
        frozen.delete(name)
        askAt = now < end - timeout ? end - timeout : end
        return again()
      }
      // Held by nobody and yet not to be had.
      if (current === undefined) degrade('locks')
      frozen.set(name, current)
      log({ type: 'lock', state: 'stuck' })
      stuck()
    }

    /** Without a channel nobody can be asked, and says nothing by that. */
    async function isSilent(): Promise<boolean> {
      if (!channel) return false
      alive = null
      const isAlive = () => stopped || alive === alone
      await consult({ type: 'waiting', generation: 0, alone }, isAlive, Math.min(ANSWER_TIME, timeout))
      return !isAlive()
    }

    async function holderNow(): Promise<string | undefined> {
      const { held } = await manager.query().catch((): LockManagerSnapshot => ({}))
      return held ? held.find(lock => lock.name === name)?.clientId : 'unknown'
    }

    /** In steps, so that the time of the next holder begins soon after it has the lock. */
    function again(): void {
      if (!stopped) undo = environment.timer(look, Math.min(askAt - environment.monotonic(), LOCK_MARGIN))
    }

    return () => {
      stopped = true
      undo()
    }
  }

  async function catchUp(after = ANY_TIME): Promise<boolean> {
    const newest = await newestShown(after)
    // A hidden tab shows nothing after a while, but it leaves a note, and who has the refresh token is known for as long as
    // its page is there.
    const isStranger =
      after === ANY_TIME &&
      !session.held &&
      ((settings.accessOnly && (hidden.read() ?? 0) > environment.now()) ||
        (!owning && (await locked(`${key}:owner:`)).length > 0))
    // Firefox refuses the query, and only that, to the frames of other sites: whoever is there may be newer.
    const isBlind = missing.has('lock-query')
    if (newest <= session.generation && !isStranger && !isBlind) return false
    if (!shares || !channel) return false
    const { version } = session
    const generation = isBlind ? session.generation + 1 : newest
    const isAnswered = () => session.version !== version && session.generation >= generation
    await consult({ type: 'ask', generation }, isAnswered, isBlind ? BLIND_TIME : ANSWER_TIME)
    const answered = isAnswered()
    // It is frozen, or gone without a word. A frozen one hears of this tab when it thaws, and leaves it again.
    if (!answered && isStranger && settings.accessOnly) hidden.remove()
    settings.log({ type: 'tabs-asked', answered })
    return answered
  }

  const consult: Tabs['consult'] = async (question, isAnswered, ms, giveUp = disposal.signal) => {
    if (!channel || giveUp.aborted) return
    await new Promise<void>(resolve => {
      const finish = () => {
        undo()
        giveUp.removeEventListener('abort', finish)
        consulting.delete(look)
        resolve()
      }
      const look = () => {
        if (isAnswered()) finish()
      }
      const undo = environment.timer(finish, ms)
      giveUp.addEventListener('abort', finish)
      consulting.add(look)
      post(question)
    })
  }

  /** The names of the locks that begin so, without that beginning. */
  async function locked(prefix: string): Promise<string[]> {
    const manager = missing.has('lock-query') ? undefined : locks()
    try {
      const { held = [] } = (await manager?.query()) ?? {}
      return held.flatMap(({ name }) => (name?.startsWith(prefix) ? [name.slice(prefix.length)] : []))
    } catch {
      degrade('lock-query')
      return []
    }
  }

  /** Of what the tabs hold, by their locks; and remembers it. `after`: without what they had by then. */
  async function newestShown(after = ANY_TIME): Promise<number> {
    const shown = (await locked(`${key}:held:`))
      .map(name => name.split(':').map(Number))
      .filter(([generation = -1]) => isGeneration(generation, lastNumber()))
    const newest = (all: number[][]) => Math.max(0, ...all.map(([generation = 0]) => generation))
    farthest = Math.max(farthest, newest(shown))
    session.see(newest(shown), 0, true)
    return newest(shown.filter(([generation = 0, askedAt = 0]) => isAfter(after, askedAt, generation)))
  }

  async function isOwned(lineage?: number | null): Promise<boolean> {
    const lineages = shares ? await locked(`${key}:owner:`) : []
    return lineage == null ? lineages.length > 0 : lineages.includes(`${lineage}`)
  }

  async function own(lineage: number): Promise<Owner> {
    const manager = locks()
    if (disposal.signal.aborted) return 'another client'
    if (!manager) return 'this client'
    const name = `${key}:owner:${lineage}`
    if (owning?.lineage !== lineage) {
      owning?.release()
      owning = { lineage, ...hold(manager, name, { ifAvailable: true }) }
    }
    const current = owning
    if (await current.granted) return 'this client'
    if (owning === current) owning = null
    const where = await holderOf(manager, name)
    if (where !== 'here') return where === 'elsewhere' ? 'another tab' : 'another client'
    inherit(manager, name, lineage)
    // Nobody can be asked to refresh for this client: those of one document take turns with what is stored.
    return shares && channel ? 'another client' : 'this client'
  }

  /** Whoever has the exclusive lock is this client: by that the locks show which document this is. */
  async function holderOf(manager: Pick<LockManager, 'query'>, name: string): Promise<string | undefined> {
    const { held = [] } = await manager.query().catch((): LockManagerSnapshot => ({}))
    const clientOf = (wanted: string) => held.find(lock => lock.name === wanted)?.clientId
    const here = inside === null ? undefined : clientOf(inside ? `${key}:alone` : key)
    return here && (clientOf(name) === here ? 'here' : 'elsewhere')
  }

  function inherit(manager: Pick<LockManager, 'request'>, name: string, lineage: number): void {
    if (heir?.lineage === lineage) return
    disinherit()
    const current = { lineage, ...hold(manager, name, {}) }
    heir = current
    void current.granted.then(isOurs => {
      if (!isOurs || heir !== current) return
      heir = null
      owning = current
      inbox.inherit()
    })
  }

  function disown(): void {
    owning?.release()
    owning = null
  }

  function disinherit(): void {
    heir?.release()
    heir = null
  }

  /** Settles when the locks are granted, so that whoever gets the exclusive lock next can see them. */
  async function show(): Promise<unknown> {
    if (heir?.lineage !== session.lineage) disinherit()
    if (session.lineage === null || session.isFollower) disown()
    else if (!disposal.signal.aborted) await own(session.lineage)
    const isHeld = inbox.session() !== null
    if (isNoted && !isHeld) takeNote()
    const isShown = !disposal.signal.aborted && shares && isHeld
    const name = isShown ? `${key}:held:${session.generation}:${session.held?.askedAt}` : ''
    if (name === shown) return showing
    hide()
    const manager = locks()
    if (!name || !manager) return undefined
    shown = name
    if (!environment.visible()) fade(REFRESH_HOLD)
    const held = hold(manager, name, { mode: 'shared' })
    letGo = held.release
    showing = held.granted
    return showing
  }

  function leaveNote(): void {
    const own = inbox.session()
    // What all tabs look up needs no tab to be asked.
    if (!own || shown || !shares || !settings.accessOnly || settings.storage?.shared) return
    isNoted = true
    hidden.write(Math.ceil(own.expiresAt ?? environment.now() + DAY))
  }

  function takeNote(): void {
    isNoted = false
    hidden.remove()
  }

  function hide(): void {
    cancelFade()
    shown = ''
    letGo()
  }

  function fade(ms: number): void {
    cancelFade()
    cancelFade = environment.timer(() => {
      hide()
      leaveNote()
    }, ms)
  }

  const stopWaking = environment.onWake(({ type }) => {
    if (type === 'pagehide') {
      close()
      // A logout on the way out is told all the same.
      channel = undefined
      isAway = true
    }
    if (type === 'pageshow') {
      isAway = false
      if (!channel) {
        channel = undefined
        open()
      }
    }
    if (type !== 'visibilitychange') return
    cancelFade()
    if (environment.visible()) void show()
    else if (shown) fade(HIDDEN_HOLD)
  })
  // It takes a browser a while: creating the client does not wait for it.
  const opening = () => isAway || open()
  const cancelOpening = environment.prerendering()
    ? environment.onceShown(opening)
    : environment.timer(opening, 0)

  return {
    exclusive,
    catchUp,
    newest: newestShown,
    consult,
    own,
    isOwned,
    tell,
    dispose() {
      disposal.abort()
      stopWaking()
      cancelOpening()
      close()
    },
  }
}
