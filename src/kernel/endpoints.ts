import type { HeldTokens } from '../types.ts'
import { type Answer, withoutTokens } from './answer.ts'
import { type Ask, type Needs as AskNeeds, createAsk } from './auth-call.ts'
import { AuthError, isAuthError } from './errors.ts'
import type { LoginNote } from './login-note.ts'
import type { SessionHolder } from './session.ts'
import { isUsable, parseToken, type Token } from './token.ts'
import { createNaming, type Naming } from './user.ts'

type Rotated = (refreshToken: string) => unknown

/** The backend's auth calls: request out, token in. None passes through the authorized fetch. */
export interface Endpoints extends Naming {
  /** Sets the login note when the request leaves, and lifts it when the server has refused. */
  login(credentials: unknown, signal: AbortSignal): Promise<Token>
  /** @throws AuthError `refresh_rejected` when final; any other code is passing */
  refresh(
    operation: 'refresh' | 'restore',
    tokens: HeldTokens | null,
    signal: AbortSignal,
    rotated?: Rotated,
  ): Promise<Token>
  /**
   * Settles with `false` where there was nothing to send. `input`: what the app has given to `logout`.
   * @param sent called when the request leaves; without it the request leaves at once, from a page that goes away
   */
  logout(tokens: HeldTokens | null, signal: AbortSignal, input?: unknown, sent?: () => void): Promise<boolean>
  /** A single call, for a feature that makes an operation of its own. */
  readonly ask: Ask
}

interface Needs extends AskNeeds {
  readonly session: SessionHolder
  readonly loginNote: LoginNote
}

export function createEndpoints(kernel: Needs): Endpoints {
  const { settings, session, loginNote } = kernel
  const { endpoints } = settings
  const ask = createAsk(kernel)

  /** The token in the answer; `null` if it holds none. */
  function toToken(answer: Answer): Token | null {
    if (kernel.cookies) return kernel.cookies.read(answer)
    const { set, body, isAppsWord, arrival } = answer
    if (set?.accessToken == null) return null
    const type = (body as { token_type?: unknown } | null)?.token_type
    // The app's own `readTokens` has seen the type. With a proof, any type other than "scheme" is a downgrade.
    const isFine = !kernel.proof && (isAppsWord || typeof type !== 'string' || /^bearer$/i.test(type))
    if (!isFine && String(type).toLowerCase() !== settings.scheme.toLowerCase()) {
      throw new AuthError('malformed_response', 'The token\'s type is not "scheme".')
    }
    return parseToken(set, arrival)
  }

  async function refresh(
    operation: 'refresh' | 'restore',
    tokens: HeldTokens | null,
    signal: AbortSignal,
    rotated?: Rotated,
  ): Promise<Token> {
    if (operation === 'restore' && kernel.cookies) return kernel.cookies.restore(tokens, signal, rotated)
    const answer = await ask(operation, tokens, signal, { rotated })
    const token = toToken(answer)
    if (token) return token
    if (operation === 'restore' && endpoints.restore && endpoints.refresh) {
      return askForToken(answer, 'refresh', tokens, signal, rotated)
    }
    throw new AuthError(
      'malformed_response',
      `"readTokens" found no access token in the ${operation} answer.`,
    )
  }

  /** After an answer without an access token: asks for one, with the refresh token of that answer. */
  async function askForToken(
    { set }: Answer,
    operation: 'refresh' | 'restore',
    tokens: HeldTokens | null,
    signal: AbortSignal,
    rotated?: Rotated,
  ): Promise<Token> {
    const refreshToken = isUsable(set?.refreshToken) ? set.refreshToken : tokens?.refreshToken
    const newest = refreshToken ? { accessToken: '', ...tokens, refreshToken } : tokens
    const token = await refresh(operation, newest, signal, rotated)
    return { ...token, refreshToken: token.refreshToken ?? refreshToken, user: token.user ?? set?.user }
  }

  return {
    ask,
    refresh,

    async login(credentials, signal) {
      const { cookies } = kernel
      let isOpen = false
      const sent = () => {
        isOpen = loginNote.stands()
        loginNote.set()
      }
      // The note stays if the outcome of an earlier login is still unknown.
      const refused = () => isOpen || loginNote.lift()
      const answer = await ask('login', session.tokens, signal, { credentials, sent }).catch(error => {
        if (isAuthError(error) && error.status !== undefined) refused()
        throw error
      })
      const { set, body, status } = answer
      // If cookies alone hold the session, the body is empty, or the app's own `readTokens` treats it as empty.
      if (set === undefined && body != null) {
        refused()
        throw new AuthError('login_rejected', 'The login answer signs nobody in.', { status, body })
      }
      const token = toToken(answer)
      if (token && (!cookies || token.user !== undefined)) return token
      try {
        if (token && cookies) return await cookies.whoIs(token, 'user', signal)
        return await askForToken(answer, endpoints.refresh ? 'refresh' : 'restore', null, signal)
      } catch (error) {
        if (!isAuthError(error)) throw error
        const { message, retryable, status } = error
        const isRefused = error.code === 'refresh_rejected'
        if (isRefused) refused()
        throw new AuthError(
          isRefused ? 'login_rejected' : 'login_unavailable',
          `After a login answer without a token: ${message}`,
          { status, retryable, body: withoutTokens(body, set) },
        )
      }
    },

    logout: async (tokens, signal, input, sent) =>
      (await ask('logout', tokens, signal, { input, sent })).status !== undefined,

    ...createNaming(kernel, ask),
  }
}
