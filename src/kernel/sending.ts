import type { Environment, Fetch } from './environment.ts'

/**
 * A member of `init` that lists the clients which have sent it. Native `fetch` does not read it, and wrappers that copy
 * `init` copy it too.
 */
const SENDERS: unique symbol = /* @__PURE__ */ Symbol.for('silent-refresh senders')

type Marked = RequestInit & { [SENDERS]?: readonly object[] }

/** The `fetch` underneath. Where an app has put `auth.fetch` in its place, what a client sends comes back to it. */
export interface Sending {
  /** `init` must be the client's own object: the mark is written to it. */
  send(target: string | Request, init: RequestInit): Promise<Response>
  /** Sends a request of a client that has come back to it; `null`: it is a new call of the app. */
  passOn(input: RequestInfo | URL, init: RequestInit | null | undefined): Promise<Response> | null
  /** The client is disposed: it passes on what any other client sends. */
  retire(): void
}

/** `fetch`: what the client sends with, and what the app has given for it. */
export function createSending(
  environment: Pick<Environment, 'fetch' | 'firstFetch' | 'baseURI'>,
  fetch: Fetch = environment.fetch,
): Sending {
  const self = Object.freeze({})
  const alone = Object.freeze([self])
  /** The arguments of the `fetch` call that is running just now. */
  let target: string | Request | null = null
  let own: Marked = {}
  let isRetired = false

  /** Method and URL, as `fetch` would read them. */
  function lineOf(input: RequestInfo | URL, init: RequestInit | null | undefined): string {
    const request = input instanceof Request ? input : null
    const { href } = new URL(request?.url ?? String(input), environment.baseURI())
    return `${init?.method ?? request?.method ?? 'GET'} ${href}`.toUpperCase()
  }

  /**
   * A wrapper may drop the mark by making a new `init` or a Request. Its call is recognized because it comes while
   * `fetch` is being called, with the same method and URL.
   */
  function isCurrent(input: RequestInfo | URL, init: RequestInit | null | undefined): boolean {
    try {
      return target !== null && lineOf(target, own) === lineOf(input, init)
    } catch {
      return false // native `fetch` says what is wrong with it
    }
  }

  return {
    send(to, init: Marked) {
      const before = target
      const beforeOwn = own
      target = to
      own = init
      const senders = init[SENDERS]
      init[SENDERS] = senders ? [...senders, self] : alone
      try {
        return fetch(to, init)
      } finally {
        target = before
        own = beforeOwn
      }
    },
    passOn(input, init: Marked | null | undefined) {
      const senders = init != null && Object.hasOwn(init, SENDERS) ? init[SENDERS] : undefined
      const isBack = senders?.includes(self) || (isRetired && senders) || isCurrent(input, init)
      return isBack ? environment.firstFetch(input, init as RequestInit) : null
    },
    retire() {
      isRetired = true
    },
  }
}
