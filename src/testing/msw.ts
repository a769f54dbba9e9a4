import { type HttpResponseResolver, http, type PathParams, type RequestHandler } from 'msw'
import { type AuthServer, type Caller, createAuthServer } from './auth-server.ts'
import type { FakeAuthServerOptions } from './auth-server-options.ts'
import type { FakeAuthorizationServerOptions } from './authorization/options.ts'
import { type AuthorizationServer, createAuthorizationServer } from './authorization/server.ts'

/** The server, as handlers for MSW. */
export interface FakeAuthServer extends Omit<AuthServer, 'protect'> {
  /**
   * For MSW's `setupServer(...server.handlers)` and `setupWorker(...server.handlers)`. Other requests go on to the
   * next handler.
   */
  readonly handlers: RequestHandler[]
  /**
   * Wraps a resolver of your own: 401 without a good bearer, and the caller's `claims` and `user` for it with one. What
   * came is in `calls`, and `fail` spoils it, as with the routes of `api`.
   * @example
   * http.get('https://api.example.com/items/:id', server.protect(({ params, user }) => HttpResponse.json({ ... })))
   */
  protect<Params extends PathParams<keyof Params> = PathParams>(
    resolver: (
      info: Parameters<HttpResponseResolver<Params>>[0] & Caller,
    ) => Response | undefined | Promise<Response | undefined>,
  ): HttpResponseResolver<Params, any, any>
}

/**
 * An auth server and its API as MSW handlers. It has login, refresh, logout and user endpoints, and refresh tokens with
 * rotation and reuse detection. It can fail on demand, and records what it received. Everything happens in this process.
 *
 * @throws AuthError `invalid_option`, naming the option
 * @example
 * const server = createFakeAuthServer({ baseUrl: 'https://api.example.com', api: { 'GET /items': ['apple'] } })
 * const network = setupServer(...server.handlers)
 */
export function createFakeAuthServer(options: FakeAuthServerOptions = {}): FakeAuthServer {
  return withHandlers<FakeAuthServer>(createAuthServer(options))
}

/** The authorization server, as handlers for MSW. */
export interface FakeAuthorizationServer extends AuthorizationServer {
  /**
   * For MSW's `setupServer(...server.handlers)` and `setupWorker(...server.handlers)`. Other requests go on to the
   * next handler.
   */
  readonly handlers: RequestHandler[]
}

/**
 * An OAuth 2 and OpenID Connect server as MSW handlers, with PKCE, rotation and reuse detection, for an app that logs in by
 * `silent-refresh/oauth`. Everything happens in this process; `authorize` is the browser that goes there.
 *
 * @throws AuthError `invalid_option`, naming the option
 * @example
 * const server = createFakeAuthorizationServer({ issuer: 'https://id.example.com', clientId: 'spa' })
 * const network = setupServer(...server.handlers)
 */
export function createFakeAuthorizationServer(
  options: FakeAuthorizationServerOptions = {},
): FakeAuthorizationServer {
  return withHandlers<FakeAuthorizationServer>(createAuthorizationServer(options))
}

/** With its getters as they are: they answer anew each time. */
const withHandlers = <Server extends object>(server: {
  handle(request: Request): Promise<Response | undefined>
}): Server =>
  Object.defineProperties({} as Server, {
    ...Object.getOwnPropertyDescriptors(server),
    handlers: { enumerable: true, value: [http.all('*', ({ request }) => server.handle(request))] },
  })
