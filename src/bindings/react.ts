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

/** Gives the client to all that is below. It is yours: unmounting does not dispose of it. */
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
 * @throws Error where there is none
 * @example
 * const { api } = useAuth<typeof auth>()
 */
export function useAuth<Client extends AuthClient<unknown, unknown> = AuthClient>(): Client {
  const client = useContext(AuthContext)
  if (!client) throw new Error('No <AuthProvider client={…}> above.')
  return client as Client
}

/**
 * The session, or what `selector` picks of it; renders again when that is another by `Object.is`. A server renders
 * `unknown`, and so does the first render that hydrates.
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

/** What `RequireAuth` takes. */
export interface RequireAuthProps {
  /** Rendered while somebody is signed in. */
  readonly children?: ReactNode
  /** Rendered until it is known who is signed in, and while the page leaves for the login. */
  readonly fallback?: ReactNode
  /**
   * Renders what a user sees after a logout, or after a login that failed. `login` logs in again, and comes back to this
   * page. `error.code` is `no_session` after a logout.
   */
  readonly error: (error: LoginError, login: () => void) => ReactNode
}

/**
 * Renders its children for a user who is signed in. Everybody else is taken to the login at the authorization server, and
 * back to this page. For a client with `oauth()`, which the provider above gives.
 *
 * It never undoes a logout, and it never sends a user round in circles. After a logout (here, in another tab, or by
 * `idle`) and after a login that failed it renders `error`, and the next login is up to the user. A server renders
 * `fallback`, and so does the first render that hydrates.
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

/** What `createAuthHooks` returns: `useAuth`, `useSession` and `RequireAuth` of one client, with its types. */
export interface AuthHooks<Client extends AuthClient<unknown, unknown>> {
  /** The client itself. */
  readonly useAuth: () => Client
  /** The session, or what `selector` picks of it, as `useSession` with a provider returns it. */
  readonly useSession: <Selected = Client['session']>(
    selector?: (session: Client['session']) => Selected,
  ) => Selected
  /** Takes everybody who is not signed in to the login, as `RequireAuth` with a provider does. */
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
  // New with each render, as an inline selector is: React compares what they answer, and keeps the last.
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
