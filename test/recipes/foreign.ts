/** Stand-ins for packages that are not installed here: they call what an app hands in as the real ones do. */

type Send = (url: string, init: RequestInit) => Promise<Response>

/** A request of an uploader. */
class Xhr {
  status = 0
  readonly headers: Record<string, string> = {}
  setRequestHeader(name: string, value: string): void {
    this.headers[name] = value
  }
}

/** `fetcher` of @uppy/core 6.3, which @uppy/xhr-upload 6.0 sends with: three retries, and no care of what a hook rejects with. */
export class Uppy {
  options: any
  use(_plugin: unknown, options: object): this {
    this.options = options
    return this
  }
  async upload(send: Send = fetch): Promise<number> {
    const { endpoint, onBeforeRequest, onAfterResponse, shouldRetry } = this.options
    for (let retryCount = 0; ; retryCount++) {
      const xhr = new Xhr()
      await onBeforeRequest(xhr, retryCount)
      xhr.status = (await send(endpoint, { method: 'POST', headers: xhr.headers })).status
      await onAfterResponse(xhr, retryCount)
      const isOver = (xhr.status >= 200 && xhr.status < 300) || retryCount === 3
      if (isOver || !shouldRetry(xhr)) return xhr.status
    }
  }
}

/** tus-js-client 4.3. */
export class Upload {
  readonly #options: any
  constructor(_file: Blob, options: object) {
    this.#options = options
  }
  /** The status that it ended with; 0: no answer. */
  async upload(): Promise<number> {
    const { endpoint, retryDelays, onBeforeRequest, onShouldRetry } = this.#options
    for (let attempt = 0; ; attempt++) {
      const headers: Record<string, string> = {}
      const request = {
        setHeader(name: string, value: string) {
          headers[name] = value
        },
      }
      let response: Response | null = null
      try {
        await onBeforeRequest(request)
        response = await fetch(endpoint, { method: 'POST', headers })
        if (response.ok) return response.status
      } catch {}
      const { status = 0 } = response ?? {}
      const originalResponse = response && { getStatus: () => status }
      const error = Object.assign(new Error('tus: unexpected response'), { originalResponse })
      if (attempt >= retryDelays.length || !onShouldRetry(error, attempt, this.#options)) return status
    }
  }
}

interface Connection {
  start(): Promise<void>
  stop(): Promise<void>
  /** The network is lost; settles when it is connected again, or has given up. */
  lose(): Promise<void>
  readonly isConnected: boolean
}

/** @microsoft/signalr 10.0: a token for each connection, and an error whose text alone has the status. */
export class HubConnectionBuilder {
  #url = ''
  #factory: () => Promise<string> = async () => ''
  #policy: any
  withUrl(url: string, { accessTokenFactory }: { accessTokenFactory: () => Promise<string> }): this {
    this.#url = url
    this.#factory = accessTokenFactory
    return this
  }
  withAutomaticReconnect(policy: object): this {
    this.#policy = policy
    return this
  }
  build(): Connection {
    let isConnected = false
    const start = async () => {
      const token = await this.#factory()
      const headers: Record<string, string> = token ? { Authorization: `Bearer ${token}` } : {}
      const { status } = await fetch(`${this.#url}/negotiate?negotiateVersion=1`, { method: 'POST', headers })
      if (status !== 200) {
        throw new Error(`Failed to complete negotiation with the server: Error: : Status code '${status}'`)
      }
      isConnected = true
    }
    return {
      start,
      async stop() {
        isConnected = false
      },
      lose: async () => {
        isConnected = false
        let retryReason = new Error('The connection was lost.')
        for (let previousRetryCount = 0; !isConnected; previousRetryCount++) {
          const delay = this.#policy.nextRetryDelayInMilliseconds({ previousRetryCount, retryReason })
          if (delay === null) return
          await start().catch(error => {
            retryReason = error
          })
        }
      },
      get isConnected() {
        return isConnected
      },
    }
  }
}

/** @reduxjs/toolkit 2.15: whatever the fetch rejects with becomes a text. */
export function fetchBaseQuery({
  baseUrl,
  fetchFn,
}: {
  baseUrl: string
  fetchFn: (request: Request) => Promise<Response>
}): (path: string) => Promise<object> {
  return async path => {
    try {
      const response = await fetchFn(new Request(`${baseUrl}/${path}`))
      const text = await response.text()
      const data = text ? JSON.parse(text) : null
      return response.ok ? { data } : { error: { status: response.status, data } }
    } catch (error) {
      return { error: { status: 'FETCH_ERROR', error: String(error) } }
    }
  }
}
