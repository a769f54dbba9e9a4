import { AuthError } from '../kernel/errors.ts'
import type { Kernel } from '../kernel/feature.ts'
import type { EndpointContext, EndpointRequest } from '../types.ts'
import { checkedUser, type Expected, readTokens } from './answer.ts'
import { endpointOf, type Metadata, type Purpose, requiredEndpoint } from './metadata.ts'
import type { Config } from './options.ts'
import { toParameters } from './parameters.ts'
import { type Credentials, usedBefore } from './return.ts'
import type { AskSilently } from './silent.ts'
import type { Transaction, Transactions } from './transaction.ts'

type Call = (context: EndpointContext) => Promise<EndpointRequest | null>

/** The client's endpoints at this server: the requests that the kernel sends, and who reads their answers. */
export interface Calls {
  /** The code for tokens (RFC 6749 §4.1.3). */
  exchange: Call
  /** By the refresh token (RFC 6749 §6); without one, or where it has ended, by the frame. */
  refresh: Call
  /** RFC 7009 §2.1. */
  revoke: Call
  /** OpenID Connect Core 1.0 §5.3.1. */
  userInfo: Call
}

type Needs = Pick<Kernel, 'settings' | 'environment' | 'proof' | 'session'>

/** `silently` is `null` where the app has not asked for it. */
export function createCalls(
  kernel: Needs,
  config: Config,
  metadata: Metadata,
  transactions: Transactions,
  silently: AskSilently | null,
): Calls {
  const { settings, environment } = kernel

  function post(
    url: string,
    form: Record<string, string | undefined>,
    more: Partial<EndpointRequest>,
    resource?: readonly string[],
  ): EndpointRequest {
    const body = toParameters({ ...form, client_id: config.clientId }, resource)
    // No cookie takes part, and a server that allows every origin allows none with credentials.
    return { url, body, credentials: 'omit', ...more }
  }

  /** A call of the token endpoint. */
  async function askForTokens(
    purpose: Purpose,
    signal: AbortSignal,
    form: Record<string, string | undefined>,
    expected: Pick<Expected, 'transaction' | 'idToken'>,
    more: Partial<EndpointRequest>,
  ): Promise<EndpointRequest> {
    const server = await metadata.get(purpose, signal)
    const read: EndpointRequest['read'] = (body, response) =>
      readTokens(config, body, response, {
        server,
        tokenType: settings.scheme.toLowerCase(),
        now: environment.now(),
        ...expected,
      })
    return post(requiredEndpoint(server, 'token_endpoint'), form, { ...more, read }, config.resource)
  }

  async function forCode(
    purpose: Purpose,
    code: string,
    transaction: Transaction,
    signal: AbortSignal,
  ): Promise<EndpointRequest> {
    const { verifier, redirectUri, key: id } = transaction
    const key = id === undefined ? undefined : ((await kernel.proof?.find(id)) ?? undefined)
    if (id !== undefined && !key) {
      throw new AuthError('login_rejected', 'This browser no longer has the key of this login.')
    }
    const form = {
      grant_type: 'authorization_code',
      code,
      redirect_uri: redirectUri,
      code_verifier: verifier,
    }
    // The code can be used once: its answer is wanted even if the page goes away meanwhile.
    return askForTokens(purpose, signal, form, { transaction }, { keepalive: true, key })
  }

  return {
    async exchange({ credentials, signal }) {
      const { code, state } = credentials as Credentials
      const transaction = transactions.take(state)
      if (!transaction) throw usedBefore()
      return forCode('login', code, transaction, signal)
    },

    async refresh({ tokens, signal }) {
      const { refreshToken, idToken, key } = tokens ?? {}
      const { stamp } = kernel.session
      // After a logout, here or in another tab, nobody is to be signed in again at the server.
      const isWanted = () => kernel.session.stamp === stamp
      const otherwise = async () => {
        const found = silently && isWanted() ? await silently(idToken, signal) : null
        return found && isWanted() ? forCode('refresh', found.code, found.transaction, signal) : null
      }
      if (!refreshToken) return otherwise()
      const form = { grant_type: 'refresh_token', refresh_token: refreshToken }
      return askForTokens('refresh', signal, form, { transaction: null, idToken }, { key, otherwise })
    },

    async revoke({ tokens, signal }) {
      const token = tokens?.refreshToken
      if (!token) return null
      const url = endpointOf(await metadata.get('logout', signal), 'revocation_endpoint')
      return url === undefined
        ? null
        : post(url, { token, token_type_hint: 'refresh_token' }, { key: tokens.key })
    },

    async userInfo({ tokens, signal }) {
      const url = endpointOf(await metadata.get('user', signal), 'userinfo_endpoint')
      if (url === undefined || !tokens) return null
      const { accessToken, key, idToken } = tokens
      return {
        url,
        headers: { Authorization: `${settings.scheme} ${accessToken}` },
        credentials: 'omit',
        key,
        read: body => ({ user: checkedUser(body, idToken) }),
      }
    },
  }
}
