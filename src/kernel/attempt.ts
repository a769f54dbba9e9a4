import { tookTooLong } from './abort.ts'
import type { Backoff } from './backoff.ts'
import type { Environment } from './environment.ts'
import { AuthError } from './errors.ts'
import type { Exchange } from './exchange.ts'
import type { Flight } from './flight.ts'
import { isExpired } from './held.ts'
import type { LoginNote } from './login-note.ts'
import type { Exclusive, StoragePart, TabsPart } from './parts.ts'
import type { SessionHolder } from './session.ts'
import type { Settings } from './settings.ts'
import type { SignOut } from './sign-out.ts'

/**
 * One attempt of a refresh or restore, in its turn among all tabs: take the lock, look again, then ask the server, the
 * owner of the lineage, or (in a worker) a page.
 */
export type Attempt = (flight: Flight, isWanted: () => boolean) => Promise<AuthError | null>

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
  readonly ending: Pick<SignOut, 'bars'>
}

export function createAttempt(kernel: AttemptNeeds): Attempt {
  const { settings, session, backoff } = kernel
  const isWorker = kernel.environment.page?.isWorker === true

  /** A token that renews itself (`sliding`) cannot do so after its expiry. */
  const hasNothing = (): boolean =>
    settings.sliding === true &&
    (session.held ? isExpired(kernel.environment, session.held) : !settings.endpoints.restore)

  /** A login was sent and its outcome is not known, so the cookie can belong to another user. */
  function isBarred({ asked }: Flight): boolean {
    const isOpen = !session.identity && !session.tokens?.refreshToken && !asked && kernel.loginNote.stands()
    if (isOpen) {
      settings.log({ type: 'barred', why: 'login' })
      session.clear('initial')
    }
    return isOpen
  }

  return async (current, isWanted) => {
    const { signal } = current.controller
    let outcome: AuthError | null = null
    let follows: boolean | undefined
    let needsPage = false
    if (kernel.ending.bars()) return null
    await kernel.exclusive(async alone => {
      // Under the lock, look again: a login, a logout or a sibling may have been first.
      if (!isWanted() || signal.aborted || kernel.ending.bars()) return
      const isCaughtUp = await kernel.tabs?.catchUp(current.after)
      // A worker restores nothing by itself: it sees neither the signed-out marker nor the storage of a page.
      needsPage = isWorker && !isCaughtUp && !session.held && !current.asked
      if (needsPage) return
      const isReadable = (await kernel.storage?.recover()) ?? true
      if (isCaughtUp || !isWanted()) return
      needsPage =
        isWorker && kernel.storage !== undefined && !session.tokens?.refreshToken && !session.isFollower
      if (needsPage) return
      if (backoff.heldBack(current) > 0) outcome = backoff.current!.error
      else if (hasNothing()) session.clear(session.held ? 'rejected' : 'initial')
      // Two refreshes at once with the same refresh token could end the session.
      else if (alone && session.tokens?.refreshToken) {
        const error = tookTooLong('refresh_unavailable', settings.timeout)
        outcome = backoff.postpone(error, backoff.inTime(settings.timeout), { quiet: true })
      } else if (!isReadable) {
        const error = new AuthError('refresh_unavailable', '"storage" could not be read.')
        outcome = kernel.exchange.failed(error, current)
      } else if (await kernel.tabs?.isFollower()) follows = true
      else if (!isBarred(current)) outcome = await kernel.exchange.run(current, isWanted)
    }, signal)
    if (follows && kernel.tabs) return kernel.tabs.follow(current, isWanted)
    if (!needsPage || !isWanted()) return outcome
    await kernel.tabs?.askPages(current, isWanted)
    return isWanted() ? new AuthError('refresh_unavailable', 'No page has handed its session over.') : null
  }
}
