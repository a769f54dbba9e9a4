import type { Disposal } from './abort.ts'
import { instant, later, remaining } from './clock.ts'
import type { Endpoints } from './endpoints.ts'
import type { Environment } from './environment.ts'
import { isSameIdentity } from './identity.ts'
import { fits, type Handover } from './messages.ts'
import type { Settings } from './options.ts'
import type { ServerClock } from './server-clock.ts'
import type { SessionHolder } from './session.ts'
import { ANY_TIME, isAfter, type Moment } from './tabs.ts'
import { MINUTE, parseCookieSession, parseToken, ROUNDING } from './token.ts'
import type { LoginCause } from './types.ts'

/** One session in many tabs: what this one tells of it, and what it takes from another. */
export interface HandingOver {
  /** This tab's session, for the others. A refresh token is never part of it. */
  offer(cause?: LoginCause | 'refresh'): Handover | null
  /**
   * An old message changes nothing, and one that cannot be used was not sent. `true`: it was the answer to the app's
   * own `refresh()`. That is a decision like a login, so the other tabs have to hear of it.
   */
  adopt(news: Handover): Promise<boolean>
}

export function createHandingOver(
  settings: Settings,
  environment: Environment,
  session: SessionHolder,
  endpoints: Endpoints,
  serverClock: ServerClock,
  disposal: Disposal,
  /** Somebody signed in over there, and this tab is not told the token: it asks the server who it is. */
  restored: () => Promise<unknown>,
  /** What other tabs had, or had asked the server for, by then is not taken. */
  after: () => Moment,
): HandingOver {
  const inCookies = settings.mode === 'cookie'

  function offer(cause: LoginCause | 'refresh' = 'refresh'): Handover | null {
    const { held, generation, decided, lineage, snapshot } = session
    if (!held || snapshot.status !== 'authenticated') return null
    const { identity, askedAt, lifetime, expires, accessToken } = held
    return {
      type: 'session',
      generation,
      decided,
      cause,
      identity: identity.name,
      epoch: identity.epoch,
      askedAt,
      lineage,
      accessToken: settings.tabs === 'notify' && !inCookies ? undefined : accessToken,
      lifetime,
      expiresAt: expires && environment.now() + remaining(environment, expires),
      user: fits(snapshot.user) ? snapshot.user : undefined,
      origins: [...settings.allowedOrigins],
    }
  }

  /** What the user decided comes first; the refreshes of one login are counted. */
  const isNewer = ({ generation, decided }: Handover): boolean =>
    decided > session.decided || (decided === session.decided && generation > session.generation)

  /** The sender may keep its token from an origin that this client sends it to: then it is as if no token were told. */
  const mayTake = ({ accessToken, origins = [] }: Handover): boolean =>
    !accessToken || [...settings.allowedOrigins].every(origin => origins.includes(origin))

  async function adopt(news: Handover): Promise<boolean> {
    if (!isNewer(news)) return false
    const { generation, identity, epoch, askedAt, lineage, lifetime, expiresAt, user, cause } = news
    // The app has asked the server since, and its answer can be about somebody else. But what was decided elsewhere
    // ends the session that this tab has.
    const isDecided = session.held !== null && news.decided > session.decided
    if (!isDecided && !isAfter(after(), askedAt, generation)) {
      // What comes of that call is newer all the same.
      session.see(generation)
      return false
    }
    const isAnswer = session.held === null && after() !== ANY_TIME
    const isForUs = mayTake(news)
    // Nor is the refresh token to be had, which that tab alone has.
    if (!isForUs && lineage !== null) return false
    const accessToken = isForUs ? news.accessToken : undefined
    const isSameUser = () =>
      session.held !== null && isSameIdentity(session.held.identity, { name: identity, epoch })
    if (accessToken === undefined) {
      session.see(generation, news.decided, true)
      if (isSameUser() || (cause !== 'login' && cause !== 'tokens')) return false
      session.suspend()
      await restored()
      return false
    }
    try {
      const now = instant(environment)
      const begin = later(now, lifetime === null || expiresAt === null ? 0 : expiresAt - lifetime - now.wall)
      const arrival = { sentAt: now }
      const parsed = inCookies ? parseCookieSession({}, arrival) : parseToken({ accessToken }, arrival)
      // What the tab that asked for it knows of the server's clock. Nothing, where it went by this machine's; and what
      // is far ahead of that could be anybody's word, and would make each later token look short-lived.
      const shown = (parsed.exp ?? Number.NaN) - (lifetime || Number.NaN)
      if (shown !== begin.wall && shown < begin.wall + MINUTE) {
        serverClock.issued(shown - ROUNDING, parsed.exp as number, begin, begin)
      }
      const told = { ...parsed, since: begin, lifetime, identity, isNamed: true, user }
      const { snapshot } = session
      const known = snapshot.status === 'authenticated' && isSameUser() ? snapshot.user : undefined
      const token = await endpoints.complete(told, known, disposal.signal)
      if (disposal.signal.aborted || !isNewer(news)) return false
      session.see(generation, news.decided, true)
      const cause = isSameUser() ? 'refresh' : 'other-tab'
      session.commit(token, cause, isAnswer, { generation, lineage, epoch, askedAt })
      return isAnswer
    } catch {
      return false // what cannot be used was not said
    }
  }

  return { offer, adopt }
}
