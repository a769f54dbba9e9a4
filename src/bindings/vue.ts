/**
 * Vue: a plugin and composables.
 *
 * @module silent-refresh/vue
 */

import {
  type ComputedRef,
  computed,
  getCurrentInstance,
  hasInjectionContext,
  type InjectionKey,
  inject,
  onMounted,
  onScopeDispose,
  type Plugin,
  shallowRef,
} from 'vue'
import type { AuthClient, JwtClaims, Session } from '../types.ts'
import { type AnySession, UNKNOWN } from './selection.ts'

const key: InjectionKey<AuthClient<unknown, unknown>> = /* @__PURE__ */ Symbol('silent-refresh')

/**
 * Provides the client to the whole app. You own it: the client is not disposed on unmount.
 *
 * @example
 * createApp(App).use(createAuth(auth)).mount('#app')
 */
export function createAuth(client: AuthClient<unknown, unknown>): Plugin {
  return { install: app => app.provide(key, client) }
}

/**
 * The app's client.
 *
 * @throws Error if the app does not use the plugin
 * @example
 * const { api } = useAuth<typeof auth>()
 */
export function useAuth<Client extends AuthClient<unknown, unknown> = AuthClient>(): Client {
  const client = inject(key, null)
  if (!client) throw new Error('useAuth and useSession need app.use(createAuth(client)).')
  return client as Client
}

/**
 * The session, or the part that `selector` returns, as a read-only ref. Components re-render only when the value changes (by
 * `Object.is`). The ref ends with its scope. On a server, and while hydrating, the session is `unknown`.
 *
 * @example
 * const isSignedIn = useSession(session => session.status === 'authenticated')
 * const name = useSession((session: typeof auth.session) => session.user?.name)
 */
export function useSession<Claims = JwtClaims, User = unknown>(): ComputedRef<Session<Claims, User>>
export function useSession<Selected, Claims = JwtClaims, User = unknown>(
  selector: (session: Session<Claims, User>) => Selected,
): ComputedRef<Selected>
export function useSession(selector?: (session: AnySession) => unknown): ComputedRef<unknown> {
  return useSessionOf(useAuth(), selector)
}

/** The result of `bindAuth`: `useAuth` and `useSession` for one client, with its types. */
export interface BoundAuth<Client extends AuthClient<unknown, unknown>> {
  /** The client itself. */
  readonly useAuth: () => Client
  /** The session, or the part that `selector` returns: see `useSession`. */
  readonly useSession: <Selected = Client['session']>(
    selector?: (session: Client['session']) => Selected,
  ) => ComputedRef<Selected>
}

/**
 * Composables for one client. They need no plugin, and they know the types of its session. Call it once, beside the
 * client.
 *
 * @example
 * export const { useSession } = bindAuth(auth)
 * // in a component
 * const name = useSession(session => session.user?.name)
 */
export function bindAuth<Client extends AuthClient<unknown, unknown>>(client: Client): BoundAuth<Client> {
  return { useAuth: () => client, useSession: selector => useSessionOf(client, selector) }
}

function useSessionOf<Selected>(
  auth: AuthClient<unknown, unknown>,
  selector: (session: AnySession) => Selected = session => session as Selected,
): ComputedRef<Selected> {
  // An app without a page is rendered by a server. Vue's own sign of that is missing in plugins and stores.
  const isServer = typeof window === 'undefined' && hasInjectionContext()
  // Only what hydrates has its element before it is set up.
  let hydrates = getCurrentInstance()?.vnode.el
  const session = shallowRef<AnySession>(isServer || hydrates ? UNKNOWN : auth.session)
  // An async setup may wait for long before it is first rendered.
  const look = () => {
    if (!hydrates) session.value = auth.session
  }
  if (hydrates) {
    onMounted(() => {
      hydrates = null
      look()
    })
  }
  // A server renders and never unmounts: its listeners would pile up.
  if (!isServer) onScopeDispose(auth.subscribe(look))
  return computed(() => selector(session.value))
}
