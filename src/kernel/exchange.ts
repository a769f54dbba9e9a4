import { tookTooLong, unlessAborted } from './abort.ts'
import { type Backoff, NEVER } from './backoff.ts'
import { instant, later, remaining } from './clock.ts'
import type { Endpoints } from './endpoints.ts'
import type { Environment } from './environment.ts'
import { AuthError } from './errors.ts'
import type { Flight } from './flight.ts'
import { isExpired, isUnchanged } from './held.ts'
import type { LoginNote } from './login-note.ts'
import type { Marker } from './marker.ts'
import type { StoragePart, TabsPart } from './parts.ts'
import type { SessionHolder } from './session.ts'
import type { Settings } from './settings.ts'
import type { Token } from './token.ts'

/** One call of a refresh or restore, and the use of its answer. */
export interface Exchange {
  /** Gives up after twice the timeout. Settles with an error if the session could not be refreshed and is unchanged. */
  run(flight: Flight, isWanted: () => boolean): Promise<AuthError | null>
  /** Judges a failure: delays the next try, or ends the session. `quiet`: the failure concerns this tab only. */
  failed(error: AuthError, flight: Flight, quiet?: boolean): AuthError | null
}

interface Needs {
  readonly settings: Settings
  readonly environment: Environment
  readonly session: SessionHolder
  readonly endpoints: Endpoints
  readonly backoff: Backoff
  /** While this note exists, the cookie can belong to another user. */
  readonly loginNote: LoginNote
  readonly marker: Pick<Marker, 'since'>
  readonly tabs: TabsPart | undefined
  readonly storage: StoragePart | undefined
}

export function createExchange(kernel: Needs): Exchange {
  const { settings, environment, session, endpoints, backoff, loginNote } = kernel
  const { timeout, log } = settings

  async function run(flight: Flight, isWanted: () => boolean): Promise<AuthError | null> {
    const asked = session.stamp.serial
    // A token that renews itself needs a token to renew: without one, only a restore is possible.
    const isRestore = session.snapshot.status === 'unknown' || (settings.sliding && !session.held)
    const operation = isRestore ? 'restore' : 'refresh'
    const givenUp = tookTooLong('refresh_unavailable', 2 * timeout)
    const undo = environment.timer(() => flight.controller.abort(givenUp), 2 * timeout)
    const slow = later(instant(environment), timeout)
    flight.sent = true
    flight.shaken = false
    if (!flight.asked) backoff.count()
    log({ type: 'refresh', operation, generation: asked })

    try {
      const token = await unlessAborted(obtain(operation, flight), flight.controller.signal)
      // This tab may have been frozen meanwhile, and the other tabs may have refreshed without it.
      if (remaining(environment, slow) <= 0 && (await kernel.tabs?.catchUp(flight.after))) return null
      if (isWanted()) {
        commit(token, flight)
        return null
      }
    } catch (error) {
      if (isWanted()) return failed(error as AuthError, flight)
    } finally {
      undo()
    }
    log({ type: 'result-dropped', operation, asked, generation: session.stamp.serial })
    return null
  }

  async function obtain(operation: 'refresh' | 'restore', flight: Flight): Promise<Token> {
    const { held, tokens, user } = session
    const { signal } = flight.controller
    const rotated = async (refreshToken: string) => {
      flight.rotated = refreshToken
      // Also after `dispose`, since the storage outlives this client, and after the back/forward cache.
      const spent = tokens?.refreshToken
      const isSpent = spent !== undefined && session.tokens?.refreshToken === spent
      if (isSpent || session.stamp === flight.stamp) session.rotate(refreshToken)
      else if (spent) await kernel.storage?.succeed(spent, refreshToken)
    }
    const token = await endpoints.refresh(operation, tokens, signal, rotated)
    if (held && isUnchanged(token, held) && isExpired(environment, held)) {
      throw new AuthError('malformed_response', 'The server returned the expired token again.')
    }
    // The result will be dropped, so the user endpoint is not called.
    if (session.stamp !== flight.stamp) return token
    // While the outcome of a login is unknown, its cookie may have replaced the one of this session.
    return endpoints.complete(token, user, signal, () => flight.again || loginNote.stands())
  }

  function commit(token: Token, flight: Flight): void {
    const { held, identity } = session
    const isSame = session.isSameUser(token)
    // A page that came back from the back/forward cache holds no token, but knows whose session it had.
    const isOther = held
      ? !isSame
      : identity !== null && (token.identity === null || token.identity !== identity.name)
    if (isOther && !flight.asked && loginNote.stands()) {
      // A login with an unknown outcome has replaced the cookie. The app did not see that user sign in, so sign out.
      log({ type: 'barred', why: 'login' })
      session.clear('rejected')
      return
    }
    // The cookie still belongs to the user who is signed in.
    if (held && token.identity !== null && !isOther) loginNote.lift()
    if (flight.asked) session.see(kernel.marker.since())
    session.commit(token, held ? 'refresh' : 'restore', flight.asked && !isSame)
  }

  function failed(error: AuthError, flight: Flight, quiet = false): AuthError | null {
    log({ type: 'refresh-failed', error })
    const { held } = session
    if (error.code !== 'refresh_rejected') {
      const told = error.retryAt === undefined ? 0 : Math.max(0, error.retryAt - environment.now())
      // The server names the same moment to all clients, so each adds a random wait to it.
      const isSoon = flight.shaken === true && !told
      const wait = backoff.inTime(backoff.next(told, isSoon), told)
      return backoff.postpone(error, told + wait, { bound: told, quiet, awaited: isSoon })
    }
    if (held && !flight.dead && !isExpired(environment, held)) {
      // The token still works: keep it until it expires, then ask once more.
      const wait = held.expires ? remaining(environment, held.expires) : NEVER
      return backoff.postpone(error, wait, { bound: wait, quiet })
    }
    // A page back from the back/forward cache holds nothing, and somebody was signed in. The siblings are not told, since
    // they may hold a newer session: with a serial the session ends as by a message.
    const isBack = !held && session.identity !== null
    const serial = isBack ? session.stamp.serial : undefined
    // An error without a status did not come from the server.
    const refusal = error.status === undefined ? undefined : error
    session.clear(held || isBack ? 'rejected' : 'initial', serial, refusal)
    return null
  }

  return { run, failed }
}
