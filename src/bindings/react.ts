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
  useSyncExternalStore,
} from 'react'
import type { AuthClient, JwtClaims, Session } from '../types.ts'
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
  if (!client) throw new Error('useAuth and useSession need an <AuthProvider client={…}> above them.')
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

/** What `createAuthHooks` returns: `useAuth` and `useSession` of one client, with its types. */
export interface AuthHooks<Client extends AuthClient<unknown, unknown>> {
  /** The client itself. */
  readonly useAuth: () => Client
  /** The session, or what `selector` picks of it, as `useSession` with a provider returns it. */
  readonly useSession: <Selected = Client['session']>(
    selector?: (session: Client['session']) => Selected,
  ) => Selected
}

/**
 * Hooks for one client. They need no provider, and they know the types of its session. Call it once, beside the client.
 *
 * @example
 * export const { useSession } = createAuthHooks(auth)
 * // in a component
 * const name = useSession(session => session.user?.name)
 */
export function createAuthHooks<Client extends AuthClient<unknown, unknown>>(
  client: Client,
): AuthHooks<Client> {
  return { useAuth: () => client, useSession: selector => useSessionOf(client, selector) }
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
