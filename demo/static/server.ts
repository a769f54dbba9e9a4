import {
  type AuthServer,
  type Caller,
  createFakeAuthServer,
  type Fault,
  type SavedAuthServer,
} from 'silent-refresh/testing/core'
import { type Arrivals, createArrivals } from '../server/arrivals.ts'
import { OptionError, readSettings, type Settings } from '../server/config.ts'
import { DEMO_CREDENTIALS, SEED_ITEMS } from '../server/credentials.ts'
import { createFaults, type FaultState } from '../server/faults.ts'
import type { Told } from './events.ts'

/** What the page can be without a server. The other modes need cookies that a script reads, or another server. */
export type Mode = 'bearer' | 'body'

interface Item {
  readonly id: string
  readonly title: string
  readonly createdAt: number
}

/** Everything that has to outlive the worker: a browser stops one that has nothing to do, and starts it again. */
export interface State {
  readonly auth: SavedAuthServer | undefined
  readonly mode: Mode
  readonly settings: Settings
  readonly faults: FaultState
  /** By user. */
  readonly items: ReadonlyMap<string, readonly Item[]>
  readonly arrivals: ReturnType<Arrivals['all']>
}

export interface Store {
  read(): Promise<State | undefined>
  write(state: State): Promise<void>
}

export interface StaticServer {
  /** `null`: the request is not for the server, but for a file. */
  handle(request: Request): Promise<Response> | null
}

type Inner = Awaited<ReturnType<typeof begin>>

/**
 * The demo's server in the browser: the fake auth server of `silent-refresh/testing/core` behind the addresses that the page
 * knows. `base`: the folder of the page, with a slash at the end. `tell`: reaches all its tabs.
 */
export function createStaticServer(base: string, store: Store, tell: (told: Told) => void): StaticServer {
  let inner: Promise<Inner> | undefined

  return {
    handle(request) {
      const { href, pathname } = new URL(request.url)
      if (!href.startsWith(base)) return null
      const path = pathname.slice(new URL(base).pathname.length)
      if (!/^(auth|user|api|demo)\//.test(path)) return null
      inner ??= begin(base, store, tell)
      return inner.then(({ answer }) => answer(request, path))
    },
  }
}

const json = (body: unknown, status = 200): Response => Response.json(body, { status })
const none = (): Response => new Response(null, { status: 204 })
const failure = (status: number, error: string, message: string): Response => json({ error, message }, status)

async function begin(base: string, store: Store, tell: (told: Told) => void) {
  const before = await store.read()
  const settings: Settings = { accessTtl: 15, grace: 10, ...before?.settings }
  const items = new Map(before?.items)
  const arrivals = createArrivals(arrival => tell(['request', { ...arrival }]), {
    before: before?.arrivals ?? [],
  })
  const faults = createFaults(
    () => {},
    state => tell(['faults', state]),
  )
  if (before) faults.set({ ...before.faults })
  let mode: Mode = before?.mode ?? 'bearer'
  let auth = createAuth(before?.auth)

  /** With the settings of now. */
  function createAuth(saved?: SavedAuthServer): AuthServer {
    return createFakeAuthServer({
      baseUrl: base,
      endpoints: { login: 'auth/login', refresh: 'auth/refresh_token', logout: 'auth/logout' },
      users: DEMO_CREDENTIALS.map(({ email, password, name }) => ({
        credentials: { email, password },
        claims: { sub: email, name },
        user: { sub: email, email, name },
      })),
      refreshToken: mode === 'body' ? 'body' : 'cookie',
      expiresIn: settings.accessTtl,
      grace: settings.grace * 1_000,
      saved,
      api: {
        'GET auth/me': ({ user }: Caller) => user,
        'GET user/whoami': ({ user }: Caller) => user,
        'GET api/items': ({ claims }: Caller) => itemsOf(claims.sub),
        'POST api/items': addItem,
        'api/echo': ({ request }: { request: Request }) => echo(request),
        'POST demo/mine/revoke': () => {
          // The tokens of this browser are all that this server has given out.
          auth.revokeAccess()
          return none()
        },
      },
    })
  }

  function itemsOf(user = ''): readonly Item[] {
    const found = items.get(user) ?? SEED_ITEMS.map(newItem)
    items.set(user, found)
    return found
  }

  async function addItem({ request, claims }: Caller & { request: Request }): Promise<Response> {
    const { title } = await readJson(request)
    if (typeof title !== 'string' || title.trim() === '' || title.length > 200) {
      return failure(400, 'invalid_request', '"title" must be a text of 1 to 200 characters')
    }
    const item = newItem(title.trim())
    items.set(claims.sub ?? '', [...itemsOf(claims.sub), item])
    return json(item, 201)
  }

  const removeItem = (request: Request, id: string): Promise<Response | undefined> =>
    auth.protect(({ claims }: Caller & { request: Request }) => {
      const all = itemsOf(claims.sub)
      const kept = all.filter(item => item.id !== id)
      items.set(claims.sub ?? '', kept)
      return kept.length < all.length ? none() : failure(404, 'not_found', 'There is no such item')
    })({ request })

  const config = () => ({ mode, ...settings, credentials: DEMO_CREDENTIALS })

  async function change(input: Record<string, unknown>): Promise<Response> {
    const { mode: wanted = mode, ...rest } = input
    if (wanted !== 'bearer' && wanted !== 'body') {
      throw new OptionError('Without a server there are the modes "bearer" and "body" alone')
    }
    Object.assign(settings, readSettings(rest, settings))
    const isSame = wanted === mode
    mode = wanted
    // Another mode ends every session.
    auth = createAuth(isSame ? auth.save() : undefined)
    tell(['config', { mode, ...settings }])
    return json(config())
  }

  const told = (): Told[] => [
    ['config', { mode, ...settings }],
    ['faults', faults.state()],
    ...arrivals.all().map((arrival): Told => ['request', arrival]),
  ]

  /** The demo's own switches. */
  const switches: Record<string, (request: Request) => Response | Promise<Response>> = {
    'GET demo/config': () => json(config()),
    'POST demo/config': async request => change(await readJson(request)),
    'GET demo/faults': () => json(faults.state()),
    'POST demo/faults': async request => json(faults.set(await readJson(request))),
    'POST demo/revoke-access': () => {
      auth.revokeAccess()
      return none()
    },
    'POST demo/revoke-all': () => {
      auth.revokeAll()
      return none()
    },
    'GET demo/events': () => json(told()),
    'GET demo/log': () => json(arrivals.all()),
    'DELETE demo/log': () => {
      arrivals.clear()
      return none()
    },
  }

  /** The fault for this request. `null`: it never arrives. */
  async function spoil(request: Request, path: string): Promise<Fault | 'none' | null> {
    const kind = path === 'auth/refresh_token' ? 'refresh' : path.startsWith('api/') ? 'api' : null
    if (!kind) return 'none'
    const taken = faults.take(kind)
    const fault = taken[kind]
    if (fault === 'hang') return (await faults.hang(request.signal)) ? 'none' : null
    if (fault === 'none' || fault === 'drop') return fault
    const body = {
      error: fault === '401' ? 'invalid_token' : 'server_error',
      message: 'A fault was asked for',
    }
    const headers = { ...(fault === '401' && { 'WWW-Authenticate': 'Bearer error="invalid_token"' }) }
    return {
      ...{ status: Number(fault), body, headers },
      ...(fault === '429' && { retryAfter: taken.retryAfter }),
    }
  }

  async function call(request: Request, path: string): Promise<{ response: Response; note: string }> {
    const fault = await spoil(request, path)
    if (fault === null) return { response: Response.error(), note: 'fault: hang' }
    if (fault !== 'none') auth.fail(`${request.method} ${new URL(request.url).pathname}`, fault)
    const [, id] = /^api\/items\/([^/]+)$/.exec(path) ?? []
    const response = await (id && request.method === 'DELETE'
      ? removeItem(request, id)
      : auth.handle(request))
    const note = fault === 'none' ? noteOf(path, response?.status) : 'a fault was asked for'
    return { response: response ?? failure(404, 'not_found', 'There is no such endpoint'), note }
  }

  async function answer(request: Request, path: string): Promise<Response> {
    const own = switches[`${request.method} ${path}`]
    try {
      const response = own ? await own(request) : await logged(request, path)
      // The answer of a refresh must not arrive before what it says is kept.
      await keep()
      return response
    } catch (error) {
      if (error instanceof OptionError) return failure(400, 'invalid_request', error.message)
      throw error
    }
  }

  async function logged(request: Request, path: string): Promise<Response> {
    if (faults.state().offline) return Response.error()
    const arrival = arrivals.add(request.method, `/${path}`)
    const { response, note } = await call(request, path)
    arrival.note(note)
    arrival.answered(response.status)
    return response
  }

  const keep = (): Promise<void> =>
    store.write({
      ...{ auth: auth.save(), mode, settings, items },
      ...{ faults: faults.state(), arrivals: arrivals.all() },
    })

  return { answer }
}

const newItem = (title: string): Item => ({ id: crypto.randomUUID(), title, createdAt: Date.now() })

async function readJson(request: Request): Promise<Record<string, unknown>> {
  const body: unknown = await request.json().catch(() => null)
  if (typeof body === 'object' && body !== null && !Array.isArray(body))
    return body as Record<string, unknown>
  throw new OptionError('Send a JSON object')
}

/** The token itself is not shown. */
const echo = ({ method, url, headers }: Request): object => ({
  method,
  path: new URL(url).pathname,
  headers: { ...Object.fromEntries(headers), authorization: 'Bearer [valid]' },
})

function noteOf(path: string, status = 0): string {
  if (path === 'auth/login') return status === 200 ? 'signed in' : 'wrong credentials'
  if (path === 'auth/refresh_token') return status === 200 ? 'rotated' : 'refused'
  return path === 'auth/logout' ? 'signed out' : ''
}
