import { instant, later, remaining } from '../../kernel/clock.ts'
import type { Kernel } from '../../kernel/feature.ts'
import type { Moment } from '../../kernel/flight.ts'
import { isSameIdentity } from '../../kernel/identity.ts'
import { NOTHING } from '../../kernel/own.ts'
import { isNewer } from '../../kernel/stamp.ts'
import { MINUTE, parseToken, ROUNDING, type Token } from '../../kernel/token.ts'
import type { LoginCause, ProofKey } from '../../types.ts'
import { fits, type Handover, isDecision } from './messages.ts'
import { isAfter } from './shown.ts'
import type { Suspension } from './suspension.ts'

/** One session in many tabs: the messages that this tab sends about it, and those that it accepts. */
export interface HandingOver {
  /** This tab's session, for the others. A refresh token is never part of it. */
  offer(cause?: LoginCause | 'refresh'): Handover | null
  /**
   * Ignores a message that is old or cannot be used. `true`: the message was the answer to the app's own `refresh()`.
   * That is a decision like a login, so the other tabs have to hear of it.
   */
  adopt(news: Handover): Promise<boolean>
}

export function createHandingOver(
  kernel: Kernel,
  sharesTokens: boolean,
  suspension: Suspension,
): HandingOver {
  const { settings, environment, session, disposal } = kernel

  function offer(cause: LoginCause | 'refresh' = 'refresh'): Handover | null {
    const { held, stamp, lineage, user } = session
    if (!held) return null
    const { identity, askedAt, lifetime, expires } = held
    const { idToken, key } = sharesTokens ? held : NOTHING
    // In cookie mode it is empty, and says that the message holds a session.
    const accessToken = sharesTokens || kernel.cookies ? held.accessToken : undefined
    return {
      type: 'session',
      generation: stamp.serial,
      decided: stamp.epoch,
      cause,
      identity: identity.name,
      epoch: identity.epoch,
      askedAt,
      lineage,
      accessToken,
      idToken,
      key,
      lifetime,
      expiresAt: expires && environment.now() + remaining(environment, expires),
      user: fits(user) ? user : undefined,
      origins: [...settings.allowedOrigins],
    }
  }

  const isNews = ({ generation, decided }: Handover): boolean =>
    isNewer({ epoch: decided, serial: generation }, session.stamp)

  /**
   * May this client use the token? Not if the sender keeps it from an origin that this client would send it to, nor if
   * a key to sign with is missing. The message then counts as one without a token.
   */
  const mayTake = ({ accessToken, origins = [] }: Handover, isKeyFit: boolean): boolean =>
    !accessToken || (isKeyFit && [...settings.allowedOrigins].every(origin => origins.includes(origin)))

  const isSameUser = ({ identity, epoch }: Handover): boolean =>
    session.held !== null && isSameIdentity(session.held.identity, { name: identity, epoch })

  /** What other tabs had, or had asked the server for, by then is not taken. */
  function after(): Moment | undefined {
    const { flight } = kernel.refresher
    // One that a logout elsewhere has overtaken asks nobody any more.
    return flight?.stamp === session.stamp ? flight.after : undefined
  }

  async function adopt(news: Handover): Promise<boolean> {
    const isKeyFit = kernel.proof ? await kernel.proof.fits(news.key) : true
    if (!isNews(news)) return false
    const { generation, decided, askedAt, lineage, accessToken } = news
    // The app has asked the server since, and the answer can be about another user. But a decision elsewhere ends the
    // session that this tab has.
    const isDecided = session.held !== null && decided > session.stamp.epoch
    if (!isDecided && !isAfter(after(), askedAt, generation)) {
      // The answer to the app's call gets a higher serial than this message.
      session.see(generation)
      return false
    }
    const isAnswer = session.held === null && after() !== undefined
    const isForUs = mayTake(news, isKeyFit)
    // Only the sender has the refresh token, so this tab could not get a token of its own either.
    if (!isForUs && lineage !== null) return false
    if (!isForUs || accessToken === undefined) {
      session.see(generation, decided, true)
      if (isSameUser(news) || !isDecision(news)) return false
      // Somebody has signed in elsewhere, and the message holds no usable token: ask the server who it is.
      await suspension.begin()
      return false
    }
    try {
      const known = isSameUser(news) ? session.user : undefined
      const token = await kernel.endpoints.complete(toToken(news), known, disposal.signal)
      if (disposal.signal.aborted || !isNews(news)) return false
      session.see(generation, decided, true)
      session.commit(token, isSameUser(news) ? 'refresh' : 'other-tab', isAnswer, news)
      return isAnswer
    } catch {
      return false // what cannot be used was not said
    }
  }

  /** @throws AuthError `malformed_response` */
  function toToken({ accessToken, lifetime, expiresAt, identity, user, idToken, key }: Handover): Token {
    const now = instant(environment)
    const begin = later(now, lifetime === null || expiresAt === null ? 0 : expiresAt - lifetime - now.wall)
    const arrival = { sentAt: now }
    const parsed = kernel.cookies?.read({ arrival }) ?? parseToken({ accessToken }, arrival)
    // Learn the server's clock from the sender, unless the sender went by this machine's clock. A time far ahead of
    // that could be forged, and would make every later token look short-lived.
    const shown = parsed.exp - (lifetime || Number.NaN)
    if (shown !== begin.wall && shown < begin.wall + MINUTE) {
      kernel.serverClock.issued(shown - ROUNDING, parsed.exp, begin, begin)
    }
    const known = { since: begin, lifetime, identity, isNamed: true, user, idToken }
    return { ...parsed, ...known, key: kernel.proof && (key as ProofKey) }
  }

  return { offer, adopt }
}
