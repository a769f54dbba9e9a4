import { within } from './abort.ts'
import type { Ask } from './auth-call.ts'
import { callback } from './callback.ts'
import { later, remaining } from './clock.ts'
import type { Environment } from './environment.ts'
import { AuthError } from './errors.ts'
import { nameUser } from './identity.ts'
import { pick } from './own.ts'
import type { CookiesPart } from './parts.ts'
import type { SessionHolder } from './session.ts'
import type { Settings } from './settings.ts'
import type { Token } from './token.ts'

/** Finds out whose token it is. */
export interface Naming {
  /** Names the user of a token without asking the server. `known`: as for `complete`. */
  named(token: Token, known: unknown): Token
  /** Names the user of a token by its claims alone. */
  nameByClaims(token: Token): Promise<string | null>
  /**
   * Validates the claims by the app's schema, names the user, and calls the user endpoint if the user is not known yet.
   * `known`: the user of the current session, used if the token is of the same user. `again`: calls the endpoint
   * anyway.
   */
  complete(token: Token, known: unknown, signal: AbortSignal, again?: () => boolean): Promise<Token>
}

interface Needs {
  readonly settings: Settings
  readonly environment: Environment
  readonly session: SessionHolder
  readonly cookies: CookiesPart | undefined
}

export function createNaming(kernel: Needs, ask: Ask): Naming {
  const { settings, environment } = kernel
  const { endpoints, timeout, log } = settings

  /** Validates by the app's schema. The schema's issues can quote the value, so they are not passed on. */
  async function validated(option: 'claims' | 'userSchema', value: unknown): Promise<unknown> {
    const schema = settings[option]
    if (!schema) return value
    const result = await callback(log, option, async () =>
      pick<{ issues?: unknown; value?: unknown }, 'issues' | 'value'>(
        await schema['~standard'].validate(value),
        'issues',
        'value',
      ),
    )
    if (result.issues) throw new AuthError('malformed_response', `The answer does not fit "${option}".`)
    return result.value
  }

  const withClaims = async (token: Token): Promise<Token> => ({
    ...token,
    claims: (await validated('claims', token.claims)) as Token['claims'],
  })

  const withUser = async (token: Token): Promise<Token> =>
    token.user == null ? token : { ...token, user: await validated('userSchema', token.user) }

  /**
   * The `identity` option gets the user that the session will have. That is the user of the answer, or the known user if the
   * answer turns out to be of the same one.
   */
  function named(token: Token, known: unknown): Token {
    const name = (user: unknown): Token => ({ ...token, identity: nameUser(settings, token, user) })
    if (token.user != null || known == null) return name(token.user)
    const same = name(known)
    return kernel.session.isSameUser(same) ? same : name(undefined)
  }

  async function askForUser(token: Token, signal: AbortSignal): Promise<Token> {
    const { accessToken, refreshToken, key, idToken, since, lifetime } = token
    const expiresAt = lifetime === null ? undefined : since.wall + lifetime
    const { set } = await ask('user', { accessToken, refreshToken, expiresAt, key, idToken }, signal)
    return { ...token, user: set === null ? null : set?.user }
  }

  return {
    named,

    nameByClaims: async token => nameUser(settings, await withClaims(token)),

    async complete(given, known, signal, again) {
      const { cookies, session } = kernel
      let token = await withClaims(given)
      if (!token.isNamed) token = await withUser(token)
      const result = named(token, known)
      const isSame = session.isSameUser(result)
      if (!endpoints.user || token.user != null || (isSame && known != null && !again?.())) return result
      // In cookie mode any 2xx answer may set cookies: they are a session only if the server names its user.
      const isNew = cookies && !token.isNamed && !isSame
      try {
        const late = () => new AuthError('user_unavailable', 'The user request took too long.')
        const inTime = async (inner: AbortSignal) =>
          withUser(await (isNew ? cookies.whoIs(token, 'user', inner) : askForUser(token, inner)))
        // This call must be over before the operation's own timeout, which would lose the token.
        const left = remaining(environment, later(token.since, timeout)) * 0.9
        return named(await within(environment, Math.min(timeout / 2, left), late, inTime, signal), known)
      } catch (error) {
        // The session goes on without the user; the next refresh asks again.
        signal.throwIfAborted()
        if (isNew) throw error
        log({ type: 'user-failed', error: error as AuthError })
        return result
      }
    },
  }
}
