import { tookTooLong } from './abort.ts'
import type { Backoff } from './backoff.ts'
import type { Environment } from './environment.ts'
import { type AuthError, unavailable } from './errors.ts'
import type { Exchange } from './exchange.ts'
import type { Attempt, Flight } from './flight.ts'
import { isExpired } from './held.ts'
import type { LoginNote } from './login-note.ts'
import type { Exclusive, StoragePart, TabsPart } from './parts.ts'
import type { SessionHolder } from './session.ts'
import type { Settings } from './settings.ts'

export interface AttemptNeeds {
  readonly settings: Settings
  readonly environment: Environment
  readonly session: SessionHolder
  readonly backoff: Backoff
  readonly exchange: Exchange
  readonly loginNote: LoginNote
  readonly exclusive: Exclusive
  readonly tabs: TabsPart | undefined
  readonly storage: StoragePart | undefined
  /** Does something keep the session ended? */
  readonly ending: { bars(): boolean }
}

/** The outcome, or the work that remains after the lock is released. */
type Turn = AuthError | null | (() => Promise<AuthError | null>)

export function createAttempt(kernel: AttemptNeeds): Attempt {
  const { settings, environment, session, backoff, exchange } = kernel
  const isWorker = environment.page?.isWorker === true

  /** A token that renews itself (`sliding`) cannot do so after its expiry. */
  const hasNothing = (): boolean =>
    settings.sliding === true &&
    (session.held ? isExpired(environment, session.held) : !settings.endpoints.restore)

  /** Under the lock, looks again: a login, a logout or a sibling may have been first. */
  async function turn(current: Flight, isWanted: () => boolean, alone: boolean): Promise<Turn> {
    const { tabs, storage } = kernel
    const askPages = async () => {
      if (isWanted()) await tabs?.askPages(current, isWanted)
      return isWanted() ? unavailable('No page has handed its session over.') : null
    }
    if (!isWanted() || current.controller.signal.aborted || kernel.ending.bars()) return null
    const isCaughtUp = await tabs?.catchUp(current.after)
    // A worker restores nothing by itself: it sees neither the signed-out marker nor the storage of a page.
    if (isWorker && !isCaughtUp && !session.held && !current.asked) return askPages
    const isUnreadable = (await storage?.recover()) === false
    if (isCaughtUp || !isWanted()) return null
    const refreshToken = session.tokens?.refreshToken
    if (isWorker && storage && !refreshToken && !session.isFollower) return askPages
    if (backoff.heldBack(current) > 0) return backoff.current!.error
    if (hasNothing()) {
      session.clear(session.held ? 'rejected' : 'initial')
      return null
    }
    // Two refreshes at once with the same refresh token could end the session.
    if (alone && refreshToken) {
      const error = tookTooLong('refresh_unavailable', settings.timeout)
      return backoff.postpone(error, backoff.inTime(settings.timeout), { quiet: true })
    }
    if (isUnreadable) return exchange.failed(unavailable('"storage" could not be read.'), current)
    if (tabs && (await tabs.isFollower())) {
      return () => tabs.follow(current, isWanted, attempt)
    }
    if (session.identity || refreshToken || current.asked || !kernel.loginNote.stands()) {
      return exchange.run(current, isWanted)
    }
    // A login was sent and its outcome is not known, so the cookie can belong to another user.
    settings.log({ type: 'barred', why: 'login' })
    session.clear('initial')
    return null
  }

  const attempt: Attempt = async (current, isWanted) => {
    if (kernel.ending.bars()) return null
    const { signal } = current.controller
    const left = await kernel.exclusive(alone => turn(current, isWanted, alone), signal)
    return typeof left === 'function' ? left() : left
  }

  return attempt
}
