import { type Answer, isEmpty } from '../kernel/answer.ts'
import { AuthError } from '../kernel/errors.ts'
import { demand, type Kernel, type Plans, plan } from '../kernel/feature.ts'
import { bare } from '../kernel/own.ts'
import type { CookiesPart } from '../kernel/parts.ts'
import type { Settings } from '../kernel/settings.ts'
import { type Token, toToken } from '../kernel/token.ts'
import type { Feature } from '../types.ts'

/**
 * The access token is an HttpOnly cookie that JavaScript never sees, and no header is attached. `endpoints.user` is
 * required: it says after a page load whether somebody is signed in.
 */
export const cookieMode = (): Feature<'mode'> => plan('mode', createCookies, check)

function check({ endpoints, sliding, claims }: Settings, { storage }: Plans): void {
  demand(endpoints.user !== undefined, 'endpoints.user', 'given in cookie mode')
  const leftOut = 'left out in cookie mode, where JavaScript sees no token'
  demand(!sliding, 'sliding', leftOut)
  demand(!claims, 'claims', leftOut)
  demand(!storage, 'storage', leftOut)
}

function createCookies(kernel: Kernel): CookiesPart {
  const { endpoints } = kernel.settings
  const who = endpoints.restore ? 'restore' : 'user'

  async function whoIs(token: Token, operation: typeof who, signal: AbortSignal): Promise<Token> {
    const answer = await kernel.endpoints.ask(operation, null, signal, { kind: 'refresh' })
    const { user, lifetime } = read(answer, true)
    return { ...token, user, lifetime: token.lifetime ?? lifetime }
  }

  return {
    // Many user endpoints return an empty body if nobody is signed in.
    namesNobody: (operation, body) => (operation === 'user' || operation === 'restore') && isEmpty(body),

    read,
    whoIs,

    async restore(tokens, signal, rotated) {
      try {
        return read(await kernel.endpoints.ask(who, tokens, signal, { kind: 'refresh', rotated }), true)
      } catch (error) {
        // A 401 from the user endpoint may only mean that the access cookie expired.
        if (!endpoints.refresh || (error as AuthError).code !== 'refresh_rejected') throw error
      }
      const renewed = await kernel.endpoints.refresh('refresh', tokens, signal, rotated)
      return renewed.user === undefined ? whoIs(renewed, who, signal) : renewed
    },

    credentials: token => (token ? 'include' : 'omit'),

    refuse(name, instead) {
      throw new AuthError(
        'unsupported',
        `"${name}" is not for cookie mode, where JavaScript sees no token. ${instead}`,
      )
    },
  }
}

const isHtml = (body: unknown): boolean => typeof body === 'string' && /^\s*</.test(body)

function read({ set, body, arrival }: Answer, namesWho = false): Token {
  // The tokens are in cookies, so the body may hold anything. But an HTML page comes from a proxy, or from the app
  // itself.
  if (set === undefined && (namesWho ? typeof body !== 'object' : isHtml(body))) {
    throw new AuthError('malformed_response', 'The answer is a page or a text: is the URL right?')
  }
  return toToken(bare({ ...set, refreshToken: undefined }), arrival, '')
}
