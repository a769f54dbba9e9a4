/**
 * React: a provider and hooks.
 *
 * @module silent-refresh/react
 */

'use client'

import {
  type Context,
  createContext,
  createElement,
  type ReactElement,
  type ReactNode,
  useContext,
  useEffect,
  useState,
  useSyncExternalStore,
} from 'react'
import type { AnonymousSession, AuthClient, JwtClaims, Session } from '../types.ts'
import { type AnySession, selecting, UNKNOWN } from './selection.ts'

const AuthContext: Context<AuthClient<unknown, unknown> | null> = /* @__PURE__ */ createContext<AuthClient<
  unknown,
  unknown
> | null>(null)

/** Provides the client to the components below. You own it: the client is not disposed on unmount. */
export function AuthProvider({
  client,
  children,
}: {
  client: AuthClient<unknown, unknown>
  children?: ReactNode
}): ReactElement {
  return createElement(AuthContext.Provider, { value: client }, children)
}

/**
 * The client of the provider above.
 *
 * @throws Error if there is no provider
 * @example
 * const { api } = useAuth<typeof auth>()
 */
export function useAuth<Client extends AuthClient<unknown, unknown> = AuthClient>(): Client {
  const client = useContext(AuthContext)
  if (!client) throw new Error('No <AuthProvider client={…}> above.')
  return client as Client
}

/**
 * The session, or the part that `selector` returns. The component re-renders only when that value changes (by `Object.is`).
 * On a server, and while hydrating, the session is `unknown`.
 *
 * @example
 * const isSignedIn = useSession(session => session.status === 'authenticated')
 * const name = useSession((session: typeof auth.session) => session.user?.name)
 */
export function useSession<Claims = JwtClaims, User = unknown>(): Session<Claims, User>
export function useSession<Selected, Claims = JwtClaims, User = unknown>(
  selector: (session: Session<Claims, User>) => Selected,
): Selected
export function useSession(selector?: (session: AnySession) => unknown): unknown {
  return useSessionOf(useAuth(), selector)
}

type LoginError = NonNullable<AnonymousSession['error']>

/** The props of `RequireAuth`. */
export interface RequireAuthProps {
  /** Rendered while somebody is signed in. */
  readonly children?: ReactNode
  /** Rendered until it is known who is signed in, and while the page leaves for the login. */
  readonly fallback?: ReactNode
  /**
   * Renders the content after a logout, or after a login that failed. `login` logs in again and comes back to this page.
   * After a logout `error.code` is `no_session`.
   */
  readonly error: (error: LoginError, login: () => void) => ReactNode
}

/**
 * Renders its children if a user is signed in. It sends everybody else to the login at the authorization server, and back to
 * this page. It needs a client with `oauth()`, from the provider above.
 *
 * It never undoes a logout, and never redirects in circles. After a logout (here, in another tab, or by `idle`), and after a
 * login that failed, it renders `error`. The user then decides whether to log in. On a server, and while hydrating, it renders
 * `fallback`.
 *
 * @example
 * <RequireAuth
 *   fallback={<Spinner />}
 *   error={(error, login) => <p>{error.message} <button onClick={login}>Sign in</button></p>}
 * >
 *   <Items />
 * </RequireAuth>
 */
export function RequireAuth(props: RequireAuthProps): ReactNode {
  return useGuard(useAuth(), props)
}

/** The result of `createAuthHooks`: `useAuth`, `useSession` and `RequireAuth` for one client, with its types. */
export interface AuthHooks<Client extends AuthClient<unknown, unknown>> {
  /** The client itself. */
  readonly useAuth: () => Client
  /** The session, or the part that `selector` returns: see `useSession`. */
  readonly useSession: <Selected = Client['session']>(
    selector?: (session: Client['session']) => Selected,
  ) => Selected
  /** Sends everybody who is not signed in to the login: see `RequireAuth`. */
  readonly RequireAuth: (props: RequireAuthProps) => ReactNode
}

/**
 * Hooks and `RequireAuth` for one client. They need no provider, and the hooks know the types of its session. Call it once,
 * beside the client.
 *
 * @example
 * export const { useSession } = createAuthHooks(auth)
 * // in a component
 * const name = useSession(session => session.user?.name)
 */
export function createAuthHooks<Client extends AuthClient<unknown, unknown>>(
  client: Client,
): AuthHooks<Client> {
  return {
    useAuth: () => client,
    useSession: selector => useSessionOf(client, selector),
    RequireAuth: props => useGuard(client, props),
  }
}

function useSessionOf<Selected>(
  auth: AuthClient<unknown, unknown>,
  selector: (session: AnySession) => Selected = session => session as Selected,
): Selected {
  // A new function with each render, as an inline selector is. React compares the results and keeps the last.
  return useSyncExternalStore(
    auth.subscribe,
    selecting(() => auth.session, selector),
    selecting(() => UNKNOWN, selector),
  )
}

function useGuard(
  auth: AuthClient<unknown, unknown>,
  { children, fallback, error: render }: RequireAuthProps,
): ReactNode {
  const status = useSessionOf(auth, session => session.status)
  const [error, setError] = useState<LoginError>()
  useEffect(() => {
    if (status === 'authenticated') setError(undefined)
    else if (status === 'unknown') auth.ready().catch(setError)
    // Not again after an error, even if the session was unknown meanwhile, as it is after the back button.
    else if (!error) auth.login({ automatic: true }).catch(setError)
  }, [auth, status, error])
  if (status === 'authenticated') return children
  return error ? render(error, () => auth.login().catch(setError)) : fallback
}
