/**
 * Svelte: a store, and state for runes.
 *
 * @module silent-refresh/svelte
 */

import { createSubscriber } from 'svelte/reactivity'
import type { Readable } from 'svelte/store'
import type { AuthClient, Session } from '../types.ts'
import { type AnySession, selecting } from './selection.ts'

/**
 * The session, or the part that `selector` returns, as a store. It calls its subscribers only when the value changes (by
 * `Object.is`), and listens to the client only while there are some.
 *
 * @example
 * const session = sessionStore(auth) // {#if $session.status === 'authenticated'} … {/if}
 */
export function sessionStore<Claims, User, Selected = Session<Claims, User>>(
  client: AuthClient<Claims, User>,
  selector?: (session: Session<Claims, User>) => Selected,
): Readable<Selected> {
  return {
    subscribe(run) {
      const { read, listen } = follow(client, selector)
      run(read())
      return listen(() => run(read()))
    },
  }
}

/**
 * The same for runes. `current` is reactive where Svelte tracks it, and up to date everywhere else.
 *
 * @example
 * const session = useSession(auth) // {#if session.current.status === 'authenticated'} … {/if}
 */
export function useSession<Claims, User, Selected = Session<Claims, User>>(
  client: AuthClient<Claims, User>,
  selector?: (session: Session<Claims, User>) => Selected,
): { readonly current: Selected } {
  const { read, listen } = follow(client, selector)
  const track = createSubscriber(listen)
  return {
    get current() {
      track()
      return read()
    },
  }
}

/** The result of `bindAuth`: the store and the state of one client's session. */
export interface BoundAuth<Client extends AuthClient<unknown, unknown>> {
  /** `sessionStore` of this client. */
  readonly sessionStore: <Selected = Client['session']>(
    selector?: (session: Client['session']) => Selected,
  ) => Readable<Selected>
  /** `useSession` of this client. */
  readonly useSession: <Selected = Client['session']>(
    selector?: (session: Client['session']) => Selected,
  ) => { readonly current: Selected }
}

/**
 * The functions of this module for one client, so that you need not pass it to them. Call it once, beside the client.
 *
 * @example
 * export const { useSession } = bindAuth(auth)
 * // in a component
 * const name = useSession(session => session.user?.name) // {name.current}
 */
export function bindAuth<Client extends AuthClient<unknown, unknown>>(client: Client): BoundAuth<Client> {
  return {
    sessionStore: selector => sessionStore(client, selector),
    useSession: selector => useSession(client, selector),
  }
}

function follow<Selected>(
  client: AuthClient<unknown, unknown>,
  selector: ((session: AnySession) => Selected) | undefined,
): { read: () => Selected; listen: (changed: () => void) => () => void } {
  const select = selecting(selector)
  const read = () => select(client.session)
  return {
    read,
    listen(changed) {
      // The value that listeners know. Somebody may have read a newer one before the listeners were called.
      let told = read()
      return client.subscribe(() => {
        const before = told
        told = read()
        if (!Object.is(told, before)) changed()
      })
    },
  }
}
