import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Endpoint } from './calls.ts'

/**
 * How calls fail. `503`: JSON. `html`: the 403 of a firewall. `hang`: no answer until the outage ends. `refuse`: the
 * connection ends without an answer.
 */
export type Failure = '503' | 'html' | 'hang' | 'refuse'

export interface OutageState {
  /** `null`: none. */
  failure: Failure | null
  /** Which endpoints fail; `null`: all. */
  endpoints: readonly Endpoint[] | null
  /** How many milliseconds each answer takes. */
  delay: number
}

export interface Outage {
  state(): OutageState
  /** Replaces the whole state, and lets go of calls that hang. */
  set(state: Partial<OutageState>): void
  /** `false`: the call has failed, and is answered. */
  pass(request: IncomingMessage, response: ServerResponse, endpoint: Endpoint): Promise<boolean>
}

const CLEAR: OutageState = { failure: null, endpoints: null, delay: 0 }

export const createOutage = (): Outage => {
  let state = CLEAR
  let release = () => {}
  let released = new Promise<void>(resolve => {
    release = resolve
  })

  /** With CORS, so that a page sees more than a network error. */
  const answer = (response: ServerResponse, status: number, type: string, body: string) =>
    response
      .writeHead(status, {
        'Content-Type': type,
        'Access-Control-Allow-Origin': '*',
        'Cache-Control': 'no-store',
      })
      .end(body)

  return {
    state: () => ({ ...state }),
    set: wanted => {
      state = { ...CLEAR, ...wanted }
      release()
      released = new Promise(resolve => {
        release = resolve
      })
    },
    pass: async (request, response, endpoint) => {
      const { failure, endpoints, delay } = state
      if (delay > 0) await new Promise(resolve => setTimeout(resolve, delay))
      if (!failure || (endpoints && !endpoints.includes(endpoint))) return true
      if (failure === '503') answer(response, 503, 'application/json', '{"error":"temporarily_unavailable"}')
      if (failure === 'html') answer(response, 403, 'text/html', '<!doctype html><title>Firewall</title>')
      if (failure === 'refuse') request.socket.destroy()
      if (failure === 'hang') {
        await released
        return !request.socket.destroyed
      }
      return false
    },
  }
}
