/**
 * Angular: a provider, signals, and an interceptor for HttpClient.
 *
 * @module silent-refresh/angular
 */

import {
  FetchBackend,
  HttpErrorResponse,
  type HttpEvent,
  type HttpInterceptorFn,
  type HttpRequest,
} from '@angular/common/http'
import {
  computed,
  DestroyRef,
  InjectionToken,
  inject,
  type Provider,
  type Signal,
  signal,
} from '@angular/core'
import { catchError, type Observable } from 'rxjs'
import type { AuthClient, JwtClaims, Session } from '../types.ts'
import type { AnySession } from './selection.ts'

const AUTH: InjectionToken<AuthClient<unknown, unknown>> = /* @__PURE__ */ new InjectionToken(
  'provideAuth(client)',
)

/**
 * Provides the client. You own it: the client is not disposed when the app is destroyed.
 *
 * @example
 * bootstrapApplication(App, { providers: [provideAuth(auth), provideHttpClient(withInterceptors([authInterceptor]))] })
 */
export function provideAuth(client: AuthClient<unknown, unknown>): Provider {
  return { provide: AUTH, useValue: client }
}

/**
 * The client, in an injection context.
 *
 * @example
 * private readonly auth = injectAuth<typeof auth>()
 */
export function injectAuth<Client extends AuthClient<unknown, unknown> = AuthClient>(): Client {
  return inject(AUTH) as Client
}

/**
 * The session, or the part that `selector` returns, as a signal. Readers run again only when the value changes (by
 * `Object.is`). The signal ends with its injector.
 *
 * @example
 * readonly isSignedIn = injectSession(session => session.status === 'authenticated')
 */
export function injectSession<Claims = JwtClaims, User = unknown>(): Signal<Session<Claims, User>>
export function injectSession<Selected, Claims = JwtClaims, User = unknown>(
  selector: (session: Session<Claims, User>) => Selected,
): Signal<Selected>
export function injectSession(selector?: (session: AnySession) => unknown): Signal<unknown> {
  return sessionOf(injectAuth(), selector)
}

/**
 * Sends HttpClient's requests through `auth.fetch`, instead of HttpClient's own backend, so put it last. If there was no
 * answer, `error` of the HttpErrorResponse is the error of `auth.fetch`, and its `status` is 0.
 */
export const authInterceptor: HttpInterceptorFn = request => sendWith(injectAuth(), request)

/** The functions that `bindAuth` returns: for HttpClient and components, for one client and with its types. */
export interface BoundAuth<Client extends AuthClient<unknown, unknown>> {
  /** The client itself. */
  readonly injectAuth: () => Client
  /** The session, or the part that `selector` returns: see `injectSession`. */
  readonly injectSession: <Selected = Client['session']>(
    selector?: (session: Client['session']) => Selected,
  ) => Signal<Selected>
  /** Sends HttpClient's requests through `fetch` of this client. */
  readonly authInterceptor: HttpInterceptorFn
}

/**
 * The functions of this module for one client. They need no provider, and they know the types of its session. Call it
 * once, beside the client.
 *
 * @example
 * export const { injectSession, authInterceptor } = bindAuth(auth)
 * // in a component
 * readonly name = injectSession(session => session.user?.name)
 */
export function bindAuth<Client extends AuthClient<unknown, unknown>>(client: Client): BoundAuth<Client> {
  return {
    injectAuth: () => client,
    injectSession: selector => sessionOf(client, selector),
    authInterceptor: request => sendWith(client, request),
  }
}

function sessionOf<Selected>(
  auth: AuthClient<unknown, unknown>,
  selector: (session: AnySession) => Selected = session => session as Selected,
): Signal<Selected> {
  const session = signal<AnySession>(auth.session)
  inject(DestroyRef).onDestroy(auth.subscribe(() => session.set(auth.session)))
  return computed(() => selector(session()))
}

function sendWith(
  auth: AuthClient<unknown, unknown>,
  request: HttpRequest<unknown>,
): Observable<HttpEvent<unknown>> {
  const backend = new FetchBackend()
  // Angular has no public way to give it another fetch. Without this field requests would go out without a bearer.
  if (!('fetchImpl' in backend)) throw Error('authInterceptor: unknown Angular')
  Object.assign(backend, { fetchImpl: auth.fetch })
  return backend.handle(request).pipe(
    catchError(failure => {
      const { error } = failure
      // Angular reads the status of any error as that of an answer. A refresh that got a 404 is not "no such item".
      throw error instanceof Error && 'code' in error ? new HttpErrorResponse({ error }) : failure
    }),
  )
}
