import { CookieJar } from 'tough-cookie'

export interface BrowserFetch {
  readonly fetch: (input: RequestInfo | URL, init?: RequestInit) => Promise<Response>
  /** What `document.cookie` would say on a page of this URL. */
  readable(url: string): string
}

/** Node's `fetch` with the one thing that it lacks. Every server counts as the page's own origin. */
export function createBrowserFetch(): BrowserFetch {
  const jar = new CookieJar()
  // A test may put ours in its place.
  const send = globalThis.fetch
  return {
    async fetch(input, init) {
      const request = new Request(input, init)
      if (request.credentials === 'omit') return send(request)
      const cookie = await jar.getCookieString(request.url)
      if (cookie) request.headers.set('Cookie', cookie)
      const response = await send(request)
      for (const line of response.headers.getSetCookie()) await jar.setCookie(line, request.url)
      return response
    },
    readable: url => jar.getCookieStringSync(url, { http: false }),
  }
}
