import { unlessAborted } from './abort.ts'
import { type Instant, instant, later, remaining } from './clock.ts'
import type { Endpoints } from './endpoints.ts'
import type { Environment } from './environment.ts'
import { AuthError } from './errors.ts'
import type { LoginNote } from './login-note.ts'
import { bounded, type Postponed } from './messages.ts'
import type { Settings } from './options.ts'
import { isExpired, isUnchanged, type SessionHolder } from './session.ts'
import { ANY_TIME, type Moment, type Tabs } from './tabs.ts'
import type { Token } from './token.ts'

/**
 * Why a refresh is wanted. `ahead`: the token still works. `dead`: it does not, by the clock or by a 401.
 * `asked`: the app said so.
 */
export type Need = 'ahead' | 'dead' | 'asked'

export interface Refresher {
  /**
   * Joins the flight under way, or starts one. Settles with `null` when the session is now as it is: look at it; with
   * an error when it could not be refreshed and was left alone. Never rejects. `since`: when the app asked, here or in
   * another tab, epoch milliseconds.
   */
  run(need: Need, since?: number): Promise<AuthError | null>
  readonly busy: boolean
  /** So many refreshes lately that another one will not help. */
  readonly limited: boolean
  /** Milliseconds until such a run may go out; 0: now. */
  wait(need: Need): number
  /** No session that another tab asked the server for before this moment is taken now. */
  readonly after: Moment
  /**
   * The network has changed, or the user is back: requests wait for the next attempt. It comes soon, unless the server
   * said when.
   */
  wake(isOnline: boolean): void
  /** The session or the backoff has changed: a refresh that waits for the end of the backoff looks again. */
  stir(): void
  /** What others have to be told where such a run may not go out now: they would ask again and again. */
  refusal(need: Need): Postponed | null
  /** Another tab has failed for us all. */
  hear(news: Postponed): void
  /**
   * When nothing of a refresh is under way any more: login and logout must not meet a late `Set-Cookie`. With the
   * refresh token that came of it.
   */
  settled(): Promise<string | undefined>
  dispose(reason: AuthError): void
}

interface Flight {
  version: number
  readonly decided: number
  /** One of a session that is no more: this one waits for its end. */
  former: Flight | null
  /** The token does not work: what comes of this decides about the session. */
  dead: boolean
  /** By the app itself, which knows what it does: not counted. */
  asked: boolean
  /** What other tabs had by then is no answer to the app's call: somebody may have signed in elsewhere since. */
  after: Moment
  /** The app asked, here or in another tab: its user may have changed as well. */
  again: boolean
  /** It is on the wire. */
  sent: boolean
  /** The refresh token that its answer held, whatever became of the rest. */
  rotated: string | undefined
  /** The network changed under it, or the machine slept: should it fail, that says little. */
  shaken: boolean
  /** Set while it waits for the end of the backoff: ends that wait. */
  stir: (() => void) | null
  readonly outcome: Promise<AuthError | null>
  readonly free: (outcome: AuthError | null) => void
  readonly controller: AbortController
  done: Promise<void>
}

interface Pause {
  readonly until: Instant
  /** A pause belongs to one session as it was then: a login or logout ends it. */
  readonly generation: number
  readonly failures: number
  readonly error: AuthError
  /** Until when the server said, or what it said will not change: before that nobody is to ask. */
  readonly bound: Instant | null
  /** By another tab's word alone, since then. */
  readonly told: Instant | null
  /** For the other tabs. */
  readonly news: Postponed | null
  /** By `online` or a wake-up since: requests do not reject at once. */
  readonly awaited: boolean
}

const BACKOFF = 1_000
const MAX_BACKOFF = 60_000
/** Whatever a token says of its own life, and whatever the API answers: so many refreshes in so many milliseconds. */
const BURST = 10
const BURST_SPAN = 20_000
/**
 * So long a tab is quiet for what others say. Then it asks the server itself, since any script of the origin can post in
 * their name.
 */
const MAX_TOLD = 1_800_000
const NEVER = Number.MAX_SAFE_INTEGER
/** How long a page may take to hand its session over to a worker. */
const HAND_OVER = 1_000
/** How often to look, a second apart, for the tab that has the refresh token: it may be reloading. */
const OWNER_LOOKS = 3

export function createRefresher(
  settings: Settings,
  environment: Environment,
  session: SessionHolder,
  endpoints: Endpoints,
  tabs: Tabs,
  events: {
    /** Does the signed-out marker stand, or has the user been away for too long? Then the session has ended. */
    bars(): boolean
    /** While it stands, a cookie can be of anybody. */
    readonly loginNote: Pick<LoginNote, 'stands' | 'lift'>
    /** The storage may hold the token that was used up by a refresh whose session has gone: here is the next one. */
    succeed(spent: string, refreshToken: string): Promise<void>
    /** Under the lock: takes up what rests in the storage. */
    recover(): Promise<boolean>
    failed(error: AuthError, retryAt: number | null, postponed: Postponed | null): void
    settled(): void
  },
): Refresher {
  const { timeout, log } = settings
  const { loginNote } = events
  const isWorker = environment.page?.isWorker === true
  let flight: Flight | null = null
  let lastPause: Pause | null = null
  let disposed: AuthError | null = null
  const starts: number[] = []

  const pause = (): Pause | null => (lastPause?.generation === session.generation ? lastPause : null)

  function run(need: Need, since = 0): Promise<AuthError | null> {
    if (disposed) return Promise.resolve(disposed)
    if (need === 'ahead' && !settings.endpoints.refresh) return Promise.resolve(notRenewed())
    const isAsked = need === 'asked'
    // One of another session has nothing to say to this one, and a restore can have left before somebody signed in.
    const isTooEarly = isAsked && flight?.sent && !session.held
    if (flight?.version === session.version && !isTooEarly) {
      flight.dead ||= need === 'dead'
      flight.asked ||= isAsked
      flight.again ||= since > 0
      if (isAsked) flight.after = momentOf(since)
      flight.stir?.()
      return flight.outcome
    }
    const paused = pausedFor(need)
    if (paused > 0 && !isAwaited(paused)) return Promise.resolve(pause()!.error)
    const wait = isAsked ? 0 : limitedFor()
    return wait > 0 ? Promise.resolve(tooOften(wait)) : launch(need, since)
  }

  function momentOf(at: number): Moment {
    // A token that renews itself is not sent again when another tab has the next one.
    if (settings.sliding && (session.held || !settings.endpoints.restore)) return ANY_TIME
    const moment = { at, generation: Number.POSITIVE_INFINITY }
    void tabs.newest().then(generation => {
      moment.generation = generation
    })
    return moment
  }

  function pausedFor(need: Need): number {
    const current = pause()
    // What renews itself and has ended is not waited for: nothing can be had for it any more.
    if (!current || hasSlidOut()) return 0
    const { error, until, bound, told } = current
    const isRefused = error.code === 'refresh_rejected'
    if (isRefused && need === 'dead') return 0
    // The app may know better than our backoff, and than another tab; not than the server.
    const end = need !== 'asked' ? until : told ? null : isRefused ? until : bound
    return end ? Math.max(0, remaining(environment, end)) : 0
  }

  /** Is the end of the backoff worth waiting for? */
  const isAwaited = (ms: number): boolean => pause()?.awaited === true && ms < timeout

  /** Milliseconds for which the backoff holds this refresh back, by the most urgent need that it serves. */
  const heldBack = ({ dead, asked }: Flight): number =>
    Math.min(pausedFor(dead ? 'dead' : 'ahead'), asked ? pausedFor('asked') : NEVER)

  const hasSlidOut = (): boolean =>
    settings.sliding === true && session.held !== null && isExpired(environment, session.held)

  const limitedFor = (): number =>
    starts.length < BURST || hasSlidOut() ? 0 : Math.max(0, starts[0]! + BURST_SPAN - environment.monotonic())

  const tooOften = (wait: number): AuthError =>
    new AuthError(
      'refresh_unavailable',
      'Refreshed too often: the API refuses tokens that were just issued.',
      {
        retryAt: Math.round(environment.now() + wait),
      },
    )

  const notRenewed = (): AuthError =>
    new AuthError('refresh_rejected', 'No token can be renewed: "endpoints.refresh" is false.')

  const unreadable = (): AuthError => new AuthError('refresh_unavailable', '"storage" could not be read.')

  const tookTooLong = (): AuthError =>
    new AuthError('refresh_unavailable', `No answer within "timeout", ${timeout} ms.`)

  function launch(need: Need, since: number): Promise<AuthError | null> {
    let free!: Flight['free']
    const outcome = new Promise<AuthError | null>(resolve => {
      free = resolve
    })
    const current: Flight = {
      version: session.version,
      decided: session.decided,
      former: flight,
      dead: need === 'dead',
      asked: need === 'asked',
      after: need === 'asked' ? momentOf(since) : ANY_TIME,
      again: since > 0,
      shaken: false,
      stir: null,
      sent: false,
      rotated: undefined,
      outcome,
      free,
      controller: new AbortController(),
      done: Promise.resolve(),
    }
    flight = current
    current.done = fly(current)
    return outcome
  }

  async function fly(current: Flight): Promise<void> {
    const isWanted = () => session.version === current.version && !disposed
    // The waiters are freed by then; what is on the wire is not thrown away.
    const undo = environment.timer(() => {
      if (!isWanted()) current.free(null)
      else current.free(current.sent ? postpone(tookTooLong(), timeout) : tookTooLong())
    }, timeout)
    const end = later(instant(environment), timeout)
    let outcome: AuthError | null = null
    try {
      const isAfterRestore = current.former?.version === current.version
      await formerOver(current)
      // The restore that was under way has signed somebody in, or nobody: the app asks about what is now.
      if (isAfterRestore) current.version = session.version
      do {
        current.shaken = false
        current.sent = false
        if (heldBack(current) > 0) await backoffOver(current, isWanted)
        outcome = await attempt(current, isWanted)
        // A failure from before the network came back is none of the attempt that the requests wait for.
      } while (outcome && current.shaken && remaining(environment, end) > 0 && limitedFor() <= 0)
    } finally {
      undo()
      if (flight === current) flight = null
      current.free(outcome)
      events.settled()
    }
  }

  /** Only a refresh that was woken waits; any other one that is held back ends with the error of the backoff. */
  async function backoffOver(current: Flight, isWanted: () => boolean): Promise<void> {
    for (;;) {
      const ms = heldBack(current)
      if (ms <= 0 || !isAwaited(ms) || !isWanted() || current.controller.signal.aborted) return
      await new Promise<void>(resolve => {
        const undo = environment.timer(resolve, Math.ceil(ms))
        current.stir = () => {
          undo()
          resolve()
        }
      })
      current.stir = null
    }
  }

  /** In its turn among all tabs. */
  async function attempt(current: Flight, isWanted: () => boolean): Promise<AuthError | null> {
    const { signal } = current.controller
    let outcome: AuthError | null = null
    let follows = false
    let needsPage = false
    if (events.bars()) return null
    await tabs.exclusive(async alone => {
      // Under the lock, look again: a login, a logout or a sibling may have been first.
      if (!isWanted() || signal.aborted || events.bars()) return
      const isCaughtUp = await tabs.catchUp(current.after)
      needsPage = isWorker && !isCaughtUp && !session.held && !current.asked
      if (needsPage) return
      const isReadable = await events.recover()
      if (isCaughtUp || !isWanted()) return
      const { held, tokens, isFollower } = session
      needsPage = isWorker && settings.storage !== undefined && !tokens?.refreshToken && !isFollower
      if (needsPage) return
      if (heldBack(current) > 0) outcome = pause()!.error
      // The token that renews itself cannot, once it has ended.
      else if (settings.sliding && (held ? hasSlidOut() : !settings.endpoints.restore)) {
        session.clear(held ? 'rejected' : 'initial')
      }
      // With the refresh token in script's hands two at once are one too many.
      else if (alone && tokens?.refreshToken) {
        outcome = postpone(tookTooLong(), inTime(timeout), { quiet: true })
      } else if (!isReadable) outcome = failed(unreadable(), current)
      // Whoever has the refresh token will answer, if not at once.
      else if (isFollower || (!held && !tokens && (await tabs.isOwned()))) follows = true
      else if (!session.identity && !tokens?.refreshToken && !current.asked && loginNote.stands()) {
        log({ type: 'barred', why: 'login' })
        session.clear('initial')
      } else outcome = await exchange(current, isWanted)
    }, signal)
    if (follows) return follow(current, isWanted)
    return needsPage && isWanted() ? takeOver(current, isWanted) : outcome
  }

  /**
   * What is on the wire for a former session has its time to be answered: its `Set-Cookie` must not come late. After a
   * login or logout nothing else of it is wanted, so a server that hangs is not waited for any longer; within one login
   * the answer may still hold the cookie to go on with.
   */
  async function formerOver(current: Flight): Promise<void> {
    const { former, decided } = current
    if (former) await (former.decided === decided ? former.done : over(former))
    current.former = null
  }

  async function over(current: Flight): Promise<void> {
    if (current.former) await over(current.former)
    // One that waits for the end of a backoff has sent nothing.
    if (!current.stir) await current.outcome
    if (!disposed) {
      current.controller.abort(new AuthError('superseded', 'A login or logout took its place.'))
    }
    current.stir?.()
    await current.done
  }

  /**
   * A worker restores nothing by itself: it sees neither the signed-out marker nor the storage of a page. Not under the
   * lock, since a page that is loading waits for that.
   */
  async function takeOver({ controller }: Flight, isWanted: () => boolean): Promise<AuthError | null> {
    const question = { type: 'ask', generation: session.generation + 1 } as const
    await tabs.consult(question, () => !isWanted(), Math.min(HAND_OVER, timeout), controller.signal)
    log({ type: 'tabs-asked', answered: !isWanted() })
    if (!isWanted()) return null
    return new AuthError('refresh_unavailable', 'No page has handed its session over to this worker.')
  }

  /** The tab that has the refresh token refreshes for those that have not. */
  async function follow(current: Flight, isWanted: () => boolean): Promise<AuthError | null> {
    const { generation, lineage } = session
    // What is told from here on is an answer, and binds anew.
    if (lastPause?.told) lastPause = { ...lastPause, told: null }
    const before = lastPause
    const isAnswered = () => !isWanted() || lastPause !== before
    let after: Moment
    do {
      for (let looks = 0; !(await tabs.isOwned(lineage)); looks++) {
        const gone = new AuthError(
          'refresh_rejected',
          'The tab that has the refresh token is gone: log in again.',
        )
        if (looks === OWNER_LOOKS) return isWanted() ? failed(gone, current, true) : null
        await tabs.consult({ type: 'hello', generation: 0 }, isAnswered, 1_000)
        if (!isWanted()) return null
      }
      log({ type: 'refresh', operation: 'follow', generation })
      after = current.after
      const known = after === ANY_TIME ? generation : Math.max(generation, after.generation)
      const question = { type: 'renew', generation: known, dead: current.dead, since: after.at } as const
      // Where the app has called `refresh()` meanwhile, what comes was asked for too early: once more.
      const isOver = () => isAnswered() || current.after !== after
      await tabs.consult(question, isOver, timeout, current.controller.signal)
    } while (current.after !== after && !isAnswered())
    if (!isWanted()) return null
    return lastPause === before ? postpone(tookTooLong(), inTime(timeout)) : (lastPause?.error ?? null)
  }

  /** One refresh on the wire, given up after twice the timeout. */
  async function exchange(current: Flight, isWanted: () => boolean): Promise<AuthError | null> {
    const asked = session.generation
    // No refresh brings a token that renews itself.
    const isRestore = session.snapshot.status === 'unknown' || (settings.sliding && !session.held)
    const operation = isRestore ? 'restore' : 'refresh'
    const { signal } = current.controller
    const givenUp = new AuthError('refresh_unavailable', 'No answer within twice the "timeout".')
    const undo = environment.timer(() => current.controller.abort(givenUp), 2 * timeout)
    const slow = later(instant(environment), timeout)
    current.sent = true
    current.shaken = false
    if (!current.asked) starts.push(environment.monotonic())
    if (starts.length > BURST) starts.shift()
    log({ type: 'refresh', operation, generation: asked })

    try {
      const { held } = session
      const spent = session.tokens?.refreshToken
      const rotated = async (refreshToken: string) => {
        current.rotated = refreshToken
        // Also once disposed, since what rests in the storage outlives this client, and after the back/forward cache.
        const isSpent = spent !== undefined && session.tokens?.refreshToken === spent
        if (isSpent || session.version === current.version) session.rotate(refreshToken)
        else if (spent) await events.succeed(spent, refreshToken)
      }
      const token = await unlessAborted(obtain(operation, current, rotated), signal)
      // The tab may have been frozen meanwhile, and the others have gone on without it.
      if (remaining(environment, slow) <= 0 && (await tabs.catchUp(current.after))) return null
      if (isWanted()) {
        const isSame = session.isSameUser(token)
        const { identity } = session
        // A page back from the back/forward cache holds nothing, and knows whose it was.
        const isOther = held
          ? !isSame
          : identity !== null && (token.identity === null || token.identity !== identity.name)
        if (isOther && !current.asked && loginNote.stands()) {
          // The login whose outcome nobody knows has replaced the cookie: the app did not see that user sign in.
          log({ type: 'barred', why: 'login' })
          session.clear('rejected')
          return null
        }
        // The cookie is still of who is signed in.
        if (held && token.identity !== null && !isOther) loginNote.lift()
        session.commit(token, held ? 'refresh' : 'restore', current.asked && !isSame)
        return null
      }
    } catch (error) {
      if (isWanted()) return failed(error as AuthError, current)
    } finally {
      undo()
    }
    log({ type: 'result-dropped', operation, asked, generation: session.generation })
    return null
  }

  async function obtain(
    operation: 'refresh' | 'restore',
    current: Flight,
    rotated: (refreshToken: string) => Promise<void>,
  ): Promise<Token> {
    const { held, tokens, snapshot } = session
    const { signal } = current.controller
    const token = await endpoints.refresh(operation, tokens, signal, rotated)
    if (held && isUnchanged(token, held) && isExpired(environment, held)) {
      throw new AuthError(
        'malformed_response',
        'The server handed back the token that has expired, and no new one.',
      )
    }
    // Nobody waits for it any more: no user is asked for.
    if (session.version !== current.version) return token
    const known = snapshot.status === 'authenticated' ? snapshot.user : undefined
    // While it is not known what became of a login, its cookie may have taken the place of this session's.
    return endpoints.complete(token, known, signal, () => current.again || loginNote.stands())
  }

  /** `quiet`: it says nothing about the other tabs. */
  function failed(error: AuthError, current: Flight, quiet = false): AuthError | null {
    log({ type: 'refresh-failed', error })
    const { held } = session
    if (error.code !== 'refresh_rejected') {
      const told = error.retryAt === undefined ? 0 : Math.max(0, error.retryAt - environment.now())
      // Everybody is told the same moment: whoever waited long can wait for its turn as well.
      const isSoon = current.shaken && !told
      const wait = inTime(isSoon ? soon() : backoff(told), told)
      return postpone(error, told + wait, { bound: told, quiet, awaited: isSoon })
    }
    if (held && !current.dead && !isExpired(environment, held)) {
      // It still works: keep it, and ask once more when it does not.
      const wait = held.expires ? remaining(environment, held.expires) : NEVER
      return postpone(error, wait, { bound: wait, quiet })
    }
    // Without a status no server has said anything.
    session.clear(held ? 'rejected' : 'initial', undefined, error.status === undefined ? undefined : error)
    return null
  }

  const soon = (): number => environment.random() * BACKOFF

  /** What the token has left to live; 0 where there is none, or nothing tells. */
  const left = (): number => {
    const { expires } = session.held ?? {}
    return expires ? Math.max(0, remaining(environment, expires)) : 0
  }

  /**
   * While the token lives few tries are enough, if the last one comes shortly before its end. After that, full jitter: a
   * whole fleet that lost its server must not come back in step.
   */
  function backoff(told: number): number {
    const tries = (pause()?.failures ?? 0) + 1
    if (told > 0) return environment.random() * Math.min(MAX_BACKOFF, Math.max(told, BACKOFF * 2 ** tries))
    const grown = (base: number): number => Math.min(MAX_BACKOFF, BACKOFF * base ** tries)
    return left() > 0
      ? Math.min(grown(3), left() / 2) * (1 - environment.random() / 8)
      : environment.random() * grown(2)
  }

  /** A pause of our own lets the next try come while the token still lives. `from`: when it begins. */
  function inTime(wait: number, from = 0): number {
    const rest = left() - from
    if (rest <= 0) return wait
    return Math.max(BACKOFF, rest < 2 * BACKOFF ? rest : Math.min(wait, rest / 2))
  }

  function postpone(
    { code, message, status, body: answer }: Pick<AuthError, 'code' | 'message' | 'status' | 'body'>,
    wait: number,
    {
      bound = 0,
      quiet = false,
      told = null,
      awaited = false,
    }: { bound?: number; quiet?: boolean; told?: Instant | null; awaited?: boolean } = {},
  ): AuthError {
    const isRefused = code === 'refresh_rejected'
    const { generation } = session
    // Where nobody is signed in, nothing is tried again by itself.
    const isFinal = wait === NEVER || session.snapshot.status === 'anonymous'
    const retryAt = isFinal ? undefined : Math.ceil(environment.now() + wait)
    const body = isRefused ? answer : undefined
    const error = new AuthError(isRefused ? code : 'refresh_unavailable', message, { status, retryAt, body })
    const news: Postponed | null =
      quiet || retryAt === undefined
        ? null
        : {
            type: 'postponed',
            generation,
            code: error.code,
            status,
            body: bounded(body),
            retryAt,
            binding: bound > 0,
          }
    lastPause = {
      until: later(instant(environment), Math.ceil(wait)),
      generation,
      failures: (pause()?.failures ?? 0) + 1,
      error,
      bound: bound > 0 ? later(instant(environment), bound) : null,
      told,
      news,
      awaited,
    }
    log({ type: 'postponed', error, retryAt: retryAt ?? null, told: told !== null })
    session.fail(error)
    events.failed(error, retryAt ?? null, news)
    return error
  }

  return {
    run,
    get busy() {
      return flight !== null
    },
    get after() {
      // One that a logout elsewhere has overtaken asks nobody any more.
      return flight?.version === session.version ? flight.after : ANY_TIME
    },
    get limited() {
      return !flight && limitedFor() > 0
    },
    wait(need) {
      const wait = Math.max(pausedFor(need), limitedFor())
      const { expires } = session.held ?? {}
      return settings.sliding && expires ? Math.min(wait, remaining(environment, expires)) : wait
    },
    wake(isOnline) {
      if (flight && !flight.stir) flight.shaken = true
      const current = pause()
      if (!current || current.bound) return
      const { held } = session
      // While a token lives nobody waits, so looking at the page costs the server nothing.
      const isWanted = isOnline || !held || isExpired(environment, held)
      const isFar = isWanted && remaining(environment, current.until) > BACKOFF
      const until = isFar ? later(instant(environment), soon()) : current.until
      lastPause = { ...current, until, awaited: true }
      flight?.stir?.()
    },
    stir: () => flight?.stir?.(),
    refusal(need) {
      const paused = pausedFor(need)
      return paused > 0 && !isAwaited(paused) ? (pause()?.news ?? null) : null
    },
    hear({ generation, code, status, body, retryAt, binding }) {
      if (generation !== session.generation || flight?.sent) return
      // Nothing is renewed that could be put off, and a session must not outlive its token.
      if (session.held && !settings.endpoints.refresh) return
      const current = pause()
      const told = current?.told ?? instant(environment)
      const named = Math.min(retryAt - environment.now(), remaining(environment, later(told, MAX_TOLD)))
      const wait = binding ? named : inTime(named)
      // What holds already is not made shorter by what others say.
      if (wait <= (current ? Math.max(0, remaining(environment, current.until)) : 0)) {
        // It is an answer all the same, for a run that waits for one.
        if (current) lastPause = { ...current }
        return
      }
      const message = 'Another tab could not refresh.'
      const awaited = !binding && flight?.shaken === true
      postpone({ code, status, body, message }, wait, {
        bound: binding ? wait : 0,
        quiet: true,
        told,
        awaited,
      })
      events.settled()
    },
    async settled() {
      const current = flight
      if (current) await over(current)
      return current?.rotated
    },
    dispose(reason) {
      disposed = reason
      for (let next = flight; next; next = next.former) {
        next.free(reason)
        if (!next.sent) next.controller.abort(reason)
        next.stir?.()
      }
    },
  }
}
