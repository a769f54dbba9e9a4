import type { AuthClient } from '../api/full-client.ts'
import { AuthError, invalid } from '../kernel/errors.ts'
import type { AuthClientOptions, JwtClaims } from '../types.ts'
import { type AuthServer, createAuthServer } from './auth-server.ts'
import { createTestBrowser, type TestBrowser } from './browser.ts'
import { json } from './wire.ts'

/** The state that a test client begins in. A status alone is the same as an object with nothing else. */
export type TestSession<Claims = JwtClaims, User = unknown> =
  | {
      status: 'authenticated'
      /** `iat`, `exp` and a `sub` come by themselves. */
      claims?: Partial<Claims> | undefined
      user?: User | undefined
      /**
       * `'refresh_unavailable'`: the server cannot be reached for a refresh. `'refresh_rejected'`: it has refused one, and
       * the access token still works. Both last until `authServer.mend()`.
       */
      error?: 'refresh_unavailable' | 'refresh_rejected' | undefined
    }
  | { status: 'anonymous' /** @default 'initial' */; reason?: 'initial' | 'logout' | 'rejected' | undefined }
  | {
      status: 'unknown'
      /** The restore has failed, for a passing reason. Without it no answer to it has come. Until `authServer.mend()`. */
      error?: 'refresh_unavailable' | undefined
    }

/** Beside these every option of `createAuthClient`; `restore` is `'manual'`, and `baseUrl` the server's. */
export interface TestClientOptions<Claims = JwtClaims, User = unknown, Credentials = unknown>
  extends AuthClientOptions<Claims, User, Credentials> {
  /** @default 'authenticated' */
  session?: TestSession<Claims, User>['status'] | TestSession<Claims, User> | undefined
  /** What answers. @default a server of its own, which nobody else reaches, with no users and no API */
  authServer?: Pick<AuthServer, 'baseUrl' | 'fetch' | 'signIn' | 'fail' | 'revokeAll'> | undefined
  /** The browser in which it is a tab. @default one of its own */
  browser?: TestBrowser | undefined
}

/**
 * A real client, put into a state by what it does itself, and without a network: for tests of what shows a session.
 *
 * @throws AuthError `invalid_option`, naming the option; also where the other options keep it from this `session`
 * @example
 * const auth = await createTestClient({ session: { status: 'authenticated', user: { name: 'Ada' } } })
 */
export async function createTestClient<Claims = JwtClaims, User = unknown, Credentials = unknown>(
  options: TestClientOptions<Claims, User, Credentials> = {},
): Promise<AuthClient<Claims, User, Credentials>> {
  const { session: given = 'authenticated', authServer, browser: givenBrowser, ...rest } = options
  const wanted = (typeof given === 'string' ? { status: given } : given) as TestSession<Claims, User>
  if (!STATES.includes(wanted?.status)) throw invalid('session', '"authenticated", "anonymous" or "unknown"')
  const { mode, endpoints = {}, storage, flow } = rest
  const server =
    authServer ??
    createAuthServer({
      baseUrl: rest.baseUrl,
      users: [],
      mode: mode ? 'cookie' : undefined,
      // A login by `oauth()` hands the refresh token to script, too.
      refreshToken: storage || flow ? 'body' : 'cookie',
      endpoints: textsOf(endpoints),
    })
  /** What every call is answered with until the state is reached. */
  let overall: (() => Response | Promise<Response>) | null = null
  const network = rest.fetch ?? server.fetch
  // Its fetch is where a page goes that leaves for another server.
  const browser = givenBrowser ?? createTestBrowser({ fetch: server.fetch })
  const app = { ...rest, baseUrl: rest.baseUrl ?? server.baseUrl, restore: rest.restore ?? 'manual' }
  const client = browser.openTab<Claims, User, Credentials>({
    ...app,
    fetch: async (input, init) =>
      (flow && metadataFor(input, server.baseUrl)) || (overall ? overall() : network(input, init)),
  })
  const restores = mode ? 'user' : 'refresh'

  async function signIn(): Promise<void> {
    const { claims, user } = wanted as { claims?: JwtClaims; user?: unknown }
    const tokens = server.signIn({ claims: { sub: 'user', ...claims }, user })
    if (!mode) await client.setTokens({ ...tokens, user })
    else await client.refresh()
  }

  /** A session that the page before this one has left in the storage. */
  async function leave(): Promise<void> {
    const before = browser.openTab(app)
    await before.setTokens(server.signIn())
    before.dispose()
  }

  async function reach(): Promise<void> {
    if (wanted.status === 'authenticated') {
      await signIn()
      if (wanted.error) {
        const isAway = wanted.error === 'refresh_unavailable'
        overall = isAway ? away : refuse
        await client.refresh().catch(() => {})
        server.fail('refresh', isAway ? 'network' : { status: 401 }, Number.POSITIVE_INFINITY)
      }
    } else if (wanted.status === 'unknown') {
      // A restore needs something to restore from.
      if (storage) await leave()
      if (wanted.error) {
        overall = away
        await client.ready()
      }
      server.fail(restores, wanted.error ? 'network' : 'hang', Number.POSITIVE_INFINITY)
    } else {
      const { reason = 'initial' } = wanted
      if (reason !== 'initial') await signIn()
      if (reason !== 'logout') overall = refuse
      if (reason === 'initial') await client.ready()
      else if (reason === 'logout') await client.logout()
      else await client.fetch(server.baseUrl).catch(() => {})
      if (reason !== 'initial') server.revokeAll()
    }
    overall = null
  }

  try {
    await reach()
    const { session } = client
    const reached = {
      status: session.status,
      error: (session.status !== 'anonymous' && session.error?.code) || undefined,
      reason: 'reason' in session ? session.reason : undefined,
    }
    const { error, reason = wanted.status === 'anonymous' ? 'initial' : undefined } = wanted as {
      error?: string
      reason?: string
    }
    if (reached.status !== wanted.status || reached.error !== error || reached.reason !== reason) {
      throw new AuthError('invalid_option', '"session" cannot be reached with these options.')
    }
    return client
  } catch (error) {
    client.dispose()
    throw error
  }
}

const STATES = ['authenticated', 'anonymous', 'unknown']

/** For `oauth()`: the server replaces the authorization server of every issuer whose metadata is requested. */
function metadataFor(input: RequestInfo | URL, baseUrl: string): Response | null {
  const url = input instanceof Request ? input.url : String(input)
  const [, origin, path] = /^(.+)\/\.well-known\/[\w-]+(.*)$/.exec(url) ?? []
  if (origin === undefined) return null
  return json({
    issuer: `${origin}${path}`,
    authorization_endpoint: `${origin}/authorize`,
    token_endpoint: new URL('refresh_token', baseUrl),
    revocation_endpoint: new URL('logout', baseUrl),
  })
}

const refuse = (): Response => json({ error: 'invalid_grant' }, 401)
const away = (): Promise<Response> => Promise.reject(new TypeError('Failed to fetch'))

/** The endpoints that a server can be told; a function knows its own. */
function textsOf(endpoints: object): Record<string, string> {
  const texts = Object.entries(endpoints).filter(
    ([name, value]) => typeof value === 'string' && name !== 'restore',
  )
  return Object.fromEntries(texts)
}
