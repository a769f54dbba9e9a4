/**
 * React: a provider and hooks.
 *
 * @module silent-refresh/react
 */

'use client'

import type { Context, ReactElement, ReactNode } from 'react'
// As one name: minifiers shorten it, and cannot shorten the names of an import.
import * as React from 'react'
import type { AnonymousSession, AuthClient, AuthEventMap, JwtClaims, Session } from '../types.ts'
import { type AnySession, selecting, UNKNOWN } from './selection.ts'

const AuthContext: Context<AuthClient<unknown, unknown> | null> =
  /* @__PURE__ */ React.createContext<AuthClient<unknown, unknown> | null>(null)

/** Provides the client to the components below. You own it: the client is not disposed on unmount. */
export function AuthProvider({
  client,
  children,
}: {
  client: AuthClient<unknown, unknown>
  children?: ReactNode
}): ReactElement {
  return React.createElement(AuthContext.Provider, { value: client }, children)
}

/**
 * The client of the provider above.
 *
 * @throws Error if there is no provider
 * @example
 * const { api } = useAuth<typeof auth>()
 */
export function useAuth<Client extends AuthClient<unknown, unknown> = AuthClient>(): Client {
  const client = React.useContext(AuthContext)
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
  return createAuthHooks(useAuth()).useSession(selector)
}

type LoginError = NonNullable<AnonymousSession['error']>

/** The event of a logout, or of another user who takes the place of the first. */
type Departure = AuthEventMap<unknown, unknown>['logout' | 'userChange'] & { readonly code?: undefined }

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
 * What one user has typed into its children is gone for the next one, also in a page that `<Activity>` hides.
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
  return createAuthHooks(useAuth()).RequireAuth(props)
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
  const hooks: AuthHooks<Client> = {
    useAuth: () => client,

    useSession(selector) {
      // A new function with each render, as an inline selector is. React compares the results and keeps the last.
      const select = selecting(selector)
      return React.useSyncExternalStore(
        client.subscribe,
        () => select(client.session),
        () => select(UNKNOWN),
      )
    },

    RequireAuth({ children, fallback, error: render }) {
      const status = hooks.useSession(session => session.status)
      const [last, setLast] = React.useState<LoginError | Departure>()
      // Other effects, and `useSession`, hear of nothing while `<Activity>` hides the page. React keeps these two.
      React.useInsertionEffect(() => client.on('logout', setLast))
      React.useInsertionEffect(() => client.on('userChange', setLast))
      React.useEffect(() => {
        if (status === 'authenticated') setLast(undefined)
        else if (status === 'unknown') client.ready().catch(setLast)
        // Not again after an error, even if the session was unknown meanwhile, as it is after the back button.
        else if (!last?.code) client.login({ automatic: true }).catch(setLast)
      }, [client, status, last])
      // After a departure once nothing: what that user has typed goes, and the next one gets new children. Not `fallback`,
      // which may begin with the same component.
      if (status === 'authenticated') return last && !last.code ? null : children
      return last?.code ? render(last, () => client.login().catch(setLast)) : fallback
    },
  }
  return hooks
}
