/**
 * Solid: a provider and signals.
 *
 * @module silent-refresh/solid
 */

import {
  type Accessor,
  type Context,
  createComponent,
  createContext,
  createMemo,
  createSignal,
  type JSX,
  onCleanup,
  onMount,
  sharedConfig,
  useContext,
} from 'solid-js'
import type { AuthClient, JwtClaims, Session } from '../types.ts'
import { type AnySession, UNKNOWN } from './selection.ts'

const AuthContext: Context<AuthClient<unknown, unknown> | undefined> =
  /* @__PURE__ */ createContext<AuthClient<unknown, unknown>>()

/** Provides the client to the components below. You own it: the client is not disposed on unmount. */
export function AuthProvider(props: {
  client: AuthClient<unknown, unknown>
  children?: JSX.Element
}): JSX.Element {
  return createComponent(AuthContext.Provider, {
    value: props.client,
    get children() {
      return props.children
    },
  })
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
  if (!client) throw new Error('useAuth and useSession need an <AuthProvider client={…}> above them.')
  return client as Client
}

/**
 * The session, or the part that `selector` returns, as an accessor. Readers run again only when the value changes (by `===`).
 * The accessor ends with its owner. On a server, and while hydrating, the session is `unknown`.
 *
 * @example
 * const isSignedIn = useSession(session => session.status === 'authenticated')
 * const name = useSession((session: typeof auth.session) => session.user?.name)
 */
export function useSession<Claims = JwtClaims, User = unknown>(): Accessor<Session<Claims, User>>
export function useSession<Selected, Claims = JwtClaims, User = unknown>(
  selector: (session: Session<Claims, User>) => Selected,
): Accessor<Selected>
export function useSession(selector?: (session: AnySession) => unknown): Accessor<unknown> {
  return useSessionOf(useAuth(), selector)
}

/** The result of `createAuthHooks`: `useAuth` and `useSession` for one client, with its types. */
export interface AuthHooks<Client extends AuthClient<unknown, unknown>> {
  /** The client itself. */
  readonly useAuth: () => Client
  /** The session, or the part that `selector` returns: see `useSession`. */
  readonly useSession: <Selected = Client['session']>(
    selector?: (session: Client['session']) => Selected,
  ) => Accessor<Selected>
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
): Accessor<Selected> {
  // It has a context while a server renders, and while its answer is hydrated.
  const [session, setSession] = createSignal<AnySession>(sharedConfig.context ? UNKNOWN : auth.session)
  const look = () => setSession(auth.session)
  // Never on a server.
  onMount(() => {
    look()
    onCleanup(auth.subscribe(look))
  })
  return createMemo(() => selector(session()))
}
