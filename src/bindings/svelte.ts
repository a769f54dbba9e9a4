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
 * The session, or what `selector` picks of it, as a store. Listens while somebody is subscribed, and calls them when that
 * is another by `Object.is`.
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
 * The same for runes: `current` is reactive wherever Svelte tracks, and always up to date elsewhere.
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

function follow<Selected>(
  client: AuthClient<unknown, unknown>,
  selector: (session: AnySession) => Selected = session => session as Selected,
): { read: () => Selected; listen: (changed: () => void) => () => void } {
  const read = selecting(() => client.session, selector)
  return {
    read,
    listen(changed) {
      // What listeners know: somebody may have read a newer one before they were told.
      let told = read()
      return client.subscribe(() => {
        const before = told
        told = read()
        if (!Object.is(told, before)) changed()
      })
    },
  }
}
