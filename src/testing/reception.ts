import { unlessAborted } from '../kernel/abort.ts'
import { invalid } from '../kernel/errors.ts'
import { pageUrl } from './auth-server-options.ts'
import { createFaults, type Fault } from './faults.ts'
import { createProofs, type Proof } from './proofs.ts'
import { isResponse, json, preflight, readBody, withCors } from './wire.ts'

/** What a fake server received; CORS preflights are not counted. */
export interface Received<Endpoint extends string> {
  readonly method: string
  readonly url: string
  readonly path: string
  /** `null`: a call to the API. */
  readonly endpoint: Endpoint | null
  readonly headers: Headers
  /** Parsed JSON or form; else the text; `undefined` when empty. */
  readonly body: any
  /** The token of its `Authorization` header. */
  readonly bearer: string | null
  /** The refresh token that came along. */
  readonly refreshToken: string | null
  /**
   * The thumbprint of the key that signed its DPoP proof (RFC 9449 §6.1). `null`: it has no proof, or one that is not for
   * this call.
   */
  readonly jkt: string | null
  /** Epoch milliseconds by the server's clock. */
  readonly at: number
  /** What it was answered with; `null` where no answer arrives, or none has yet. */
  readonly status: number | null
}

interface Call<Endpoint extends string> extends Received<Endpoint> {
  status: number | null
  readonly proof: Proof | 'wrong' | null
}

/** What differs between the fake servers. */
export interface ReceptionPlan<Endpoint extends string> {
  /** What a relative URL resolves against where there is no page. */
  readonly baseUrl: string
  now(): number
  /** Is this request for the server? Every method counts. */
  isFor(url: URL): boolean
  /**
   * The key of a route, for its faults and its count: an endpoint's name, a path, or `METHOD /path`.
   * @throws AuthError `invalid_option`
   */
  keyOf(route: string): string
  endpointOf(method: string, url: URL): Endpoint | null
  refreshTokenOf(request: Request, body: any): string | null
  /** What the server does with it when nothing is wrong; `null`: no route of this server. */
  find(request: Request, call: Received<Endpoint>): (() => unknown) | null
  /** The answer arrives at the client. */
  arrived?(response: Response): void
}

/** What every fake server does with a call before and after its work: it keeps a record, and spoils it on demand. */
export interface Reception<Endpoint extends string> {
  readonly calls: Received<Endpoint>[]
  readonly bearers: readonly string[]
  count(route: string): number
  fail(route: string, fault: Fault, times?: number): void
  hold(route: string): () => void
  mend(route?: string): void
  /** The nonce that each DPoP proof must have; `null`: none is asked for. */
  nonce: string | null
  /** Forgets calls and faults. A call that is held finds no server when it goes on. */
  reset(): void
  receive(request: Request): Promise<Received<Endpoint>>
  /** One call, from its arrival to its answer; what it does is done by `work`, unless a fault comes first. */
  serve(request: Request, call: Received<Endpoint>, work: () => unknown): Promise<Response | undefined>
  handle(request: Request): Promise<Response | undefined>
  fetch(input: RequestInfo | URL, init?: RequestInit): Promise<Response>
}

/**
 * The key of a route that is no endpoint: `METHOD /path`, or the path for every method.
 * @throws AuthError `invalid_option`
 */
export function pathKey(route: unknown, baseUrl: string): string {
  const [, method = '', path = ''] =
    (typeof route === 'string' && /^(?:([A-Z]+) (?=\S))?(\S*)$/.exec(route)) || []
  if (!method && !path.includes('/'))
    throw invalid('route', 'a known endpoint, or a path such as "GET /items"')
  return `${method} ${new URL(path, baseUrl).pathname}`.trim()
}

export function createReception<Endpoint extends string>(plan: ReceptionPlan<Endpoint>): Reception<Endpoint> {
  let faults = createFaults()
  const proofs = createProofs(plan.now)
  const calls: Call<Endpoint>[] = []

  const isOf = (call: Received<Endpoint>, key: string): boolean =>
    [call.endpoint, call.path, `${call.method} ${call.path}`].includes(key)

  async function receive(request: Request): Promise<Call<Endpoint>> {
    const { method, headers } = request
    const url = new URL(request.url)
    const body = readBody(await request.clone().text(), headers.get('Content-Type'))
    const bearer = /^\S+ +(\S+)$/.exec(headers.get('Authorization') ?? '')?.[1] ?? null
    const proof = await proofs.read(request, bearer)
    return {
      method,
      url: request.url,
      path: url.pathname,
      endpoint: plan.endpointOf(method, url),
      headers,
      body,
      bearer,
      proof,
      jkt: proof && proof !== 'wrong' ? proof.jkt : null,
      refreshToken: plan.refreshTokenOf(request, body),
      at: plan.now(),
      status: null,
    }
  }

  async function serve(
    request: Request,
    call: Call<Endpoint>,
    work: () => unknown,
  ): Promise<Response | undefined> {
    calls.push(call)
    const began = faults
    // What a reset() overtakes finds no server, and the next test finds nothing of it.
    const isCurrent = () => faults === began
    const answer = () => proofs.refusal(call.proof, call.endpoint === null) ?? work()
    const unlessReset = () => (isCurrent() ? answer() : Response.error())
    const result = await faults.apply(key => isOf(call, key), unlessReset, request.signal)
    if (result === undefined) return
    const response = isResponse(result) ? result : json(result)
    call.status = response.status || null
    if (isCurrent() && !request.signal.aborted) plan.arrived?.(response)
    const answered = withCors(request, response)
    if (call.proof && proofs.nonce !== null) answered.headers.set('DPoP-Nonce', proofs.nonce)
    return answered
  }

  async function handle(request: Request): Promise<Response | undefined> {
    if (!plan.isFor(new URL(request.url))) return
    if (request.method === 'OPTIONS') return preflight(request)
    const call = await receive(request)
    const work = plan.find(request, call)
    return work ? serve(request, call, work) : undefined
  }

  return {
    calls,
    get nonce() {
      return proofs.nonce
    },
    set nonce(nonce) {
      proofs.nonce = nonce
    },
    get bearers() {
      return [...new Set(calls.flatMap(({ bearer }) => bearer ?? []))]
    },
    count(route) {
      const key = plan.keyOf(route)
      return calls.filter(call => isOf(call, key)).length
    },
    fail: (route, fault, times = 1) => faults.add(plan.keyOf(route), fault, times),
    hold: route => faults.hold(plan.keyOf(route)),
    mend: route => faults.mend(route === undefined ? undefined : plan.keyOf(route)),
    reset() {
      faults.mend()
      faults = createFaults()
      proofs.nonce = null
      calls.length = 0
    },
    receive,
    serve,
    handle,
    async fetch(input, init) {
      const isUrl = typeof input === 'string' || input instanceof URL
      const request = new Request(isUrl ? new URL(input, pageUrl() ?? plan.baseUrl) : input, init)
      // Not the request's own, which follows this one for as long as nobody collects it.
      const signal = init?.signal ?? (isUrl ? null : input.signal)
      signal?.throwIfAborted()
      const response = await unlessAborted(handle(request), signal)
      if (response?.type === 'error') throw new TypeError('Failed to fetch')
      return response ?? json({ error: 'not_found' }, 404)
    },
  }
}
