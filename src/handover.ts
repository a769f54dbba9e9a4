import { instant, later, remaining } from './clock.ts'
import type { Endpoints } from './endpoints.ts'
import type { Environment } from './environment.ts'
import { fits, type Handover } from './messages.ts'
import type { Settings } from './options.ts'
import type { SessionHolder } from './session.ts'
import { parseCookieSession, parseToken } from './token.ts'
import type { LoginCause } from './types.ts'

/** One session in many tabs: what this one tells of it, and what it takes from another. */
export interface HandingOver {
  /** This tab's session, for the others. A refresh token is never part of it. */
  offer(cause?: LoginCause | 'refresh'): Handover | null
  /** An old message changes nothing, and one that cannot be used was not sent. */
  adopt(news: Handover): Promise<void>
}

export function createHandingOver(
  settings: Settings,
  environment: Environment,
  session: SessionHolder,
  endpoints: Endpoints,
  signal: AbortSignal,
  /** Somebody signed in over there, and this tab is not told the token: it asks the server who it is. */
  restored: () => Promise<unknown>,
): HandingOver {
  const inCookies = settings.mode === 'cookie'

  function offer(cause: LoginCause | 'refresh' = 'refresh'): Handover | null {
    const { held, generation, decided, lineage, snapshot } = session
    if (!held || snapshot.status !== 'authenticated') return null
    const { identity, lifetime, expires, accessToken } = held
    return {
      type: 'session',
      generation,
      decided,
      cause,
      identity,
      lineage,
      accessToken: settings.tabs === 'notify' && !inCookies ? undefined : accessToken,
      lifetime,
      expiresAt: expires && environment.now() + remaining(environment, expires),
      user: fits(snapshot.user) ? snapshot.user : undefined,
    }
  }

  const isNewer = ({ generation, decided }: Handover): boolean =>
    generation > session.generation && decided >= session.decided

  async function adopt(news: Handover): Promise<void> {
    if (!isNewer(news)) return
    const { generation, identity, accessToken, lineage, lifetime, expiresAt, user = null, cause } = news
    const isSameUser = () => session.held?.identity === identity
    if (accessToken === undefined) {
      session.see(generation, news.decided, true)
      if (isSameUser() || (cause !== 'login' && cause !== 'tokens')) return
      session.suspend()
      await restored()
      return
    }
    try {
      const now = instant(environment)
      const since = later(now, lifetime === null || expiresAt === null ? 0 : expiresAt - lifetime - now.wall)
      const arrival = { sentAt: now }
      const parsed = inCookies ? parseCookieSession({}, arrival) : parseToken({ accessToken }, arrival)
      const token = await endpoints.complete({ ...parsed, since, lifetime, identity, user }, user, signal)
      if (signal.aborted || !isNewer(news)) return
      session.see(generation, news.decided, true)
      session.commit(token, isSameUser() ? 'refresh' : 'other-tab', false, { generation, lineage })
    } catch {
      // What cannot be used was not said.
    }
  }

  return { offer, adopt }
}
