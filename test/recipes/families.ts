import { randomUUID } from 'node:crypto'
import { type Issued, type Ledger, LIFETIME } from './ledger.ts'
import type { Call, Route, Routes } from './serve.ts'

/** How one kind of backend answers. */
export interface Family {
  /** The access tokens say themselves when they end. */
  jwt?: boolean
  /** Nothing says when a token ends: its 401 does. */
  silent?: boolean
  /** `false`: the answers hold no user. */
  user?: boolean
  /** The one that a fault is put on. */
  refreshRoute: string
  /** What is wrong for a while. */
  passing?: Route
  /** Whether the server can confirm a logout. */
  revokes?: boolean
  routes(ledger: Ledger): Routes
  /** Reads a good answer of the API, or throws. */
  read?(fetch: (url: string, init?: RequestInit) => Promise<Response>, origin: string): Promise<boolean>
}

interface Extras {
  status?: number
  headers?: Record<string, string>
  cookies?: readonly string[]
}

function json(body: unknown, { status = 200, headers = {}, cookies = [] }: Extras = {}): Response {
  const response = new Response(body === undefined ? null : JSON.stringify(body), { status, headers })
  if (body !== undefined) response.headers.set('Content-Type', 'application/json')
  for (const cookie of cookies) response.headers.append('Set-Cookie', cookie)
  return response
}

const refused = (status = 401): Response => json({ error: 'refused' }, { status })
const done = (cookies: readonly string[] = []): Response => json(undefined, { status: 204, cookies })
const gone = (name: string, path = '/') => `${name}=; Path=${path}; Max-Age=0`
const hidden = (name: string, value: string, path = '/') =>
  `${name}=${value}; Path=${path}; HttpOnly; SameSite=Strict`
const shown = (name: string, value: string) => `${name}=${encodeURIComponent(value)}; Path=/; SameSite=Strict`

function tokenOf({ authorization }: Call, wanted = 'Bearer'): string | null {
  const [scheme, token] = authorization ?? []
  return scheme === wanted && token ? token : null
}

/** An API behind a token, which is shown in this way and refused in that. */
function api(
  ledger: Ledger,
  access: (call: Call) => string | null | undefined = tokenOf,
  refusal: () => Response = refused,
): Routes {
  const answer: Route = call => (ledger.user(access(call)) ? json([{ id: 1 }]) : refusal())
  return { 'GET /items': answer, 'POST /items': answer }
}

/** RFC 6749 names, the refresh token in a cookie: what most recipes change one thing of. */
function standard(ledger: Ledger, folder = '', name = 'refresh_token'): Routes {
  const granted = (issued: Issued | null) =>
    issued
      ? json(
          {
            access_token: issued.access,
            token_type: 'bearer',
            expires_in: LIFETIME / 1000,
            user: issued.user,
          },
          { cookies: [hidden('refresh', issued.refresh)] },
        )
      : refused()
  return {
    ...api(ledger),
    [`POST ${folder}/login`]: ({ json }: Call) => granted(ledger.login(json?.email, json?.password)),
    [`POST ${folder}/${name}`]: ({ cookies }: Call) => granted(ledger.refresh(cookies.refresh)),
    [`POST ${folder}/logout`]: ({ cookies }: Call) => {
      ledger.end(cookies.refresh)
      return done([gone('refresh')])
    },
  }
}

const enveloped = (ledger: Ledger): Routes => {
  const granted = (issued: Issued | null) =>
    json({
      data: issued && {
        tokens: { access: issued.access, refresh: issued.refresh, ttl: LIFETIME },
        user: issued.user,
      },
    })
  return {
    ...api(ledger),
    'POST /v1/sessions': ({ json }) => granted(ledger.login(json?.email, json?.password)),
    'POST /v1/sessions/renew': ({ json }) => granted(ledger.refresh(json?.token)),
    'POST /v1/sessions/end': ({ json: body }) => json({ data: ledger.end(body?.token) }),
  }
}

const absolute = (ledger: Ledger): Routes => {
  const granted = (issued: Issued | null) =>
    issued
      ? json(
          { jwt: issued.access, expires_at: Math.floor(issued.expiresAt / 1000) },
          { cookies: [hidden('refresh', issued.refresh)] },
        )
      : refused()
  return {
    ...standard(ledger),
    'POST /login': ({ json }) => granted(ledger.login(json?.email, json?.password)),
    'POST /refresh_token': ({ cookies }) => granted(ledger.refresh(cookies.refresh)),
  }
}

const oauth = (ledger: Ledger): Routes => ({
  ...api(ledger),
  'POST /oauth/token': ({ form, headers }) => {
    const isForm = headers.get('Content-Type')?.startsWith('application/x-www-form-urlencoded')
    if (!isForm || form.get('client_id') !== 'spa') return json({ error: 'invalid_client' }, { status: 401 })
    if (form.get('grant_type') !== 'refresh_token') {
      return json({ error: 'unsupported_grant_type' }, { status: 400 })
    }
    const issued = ledger.refresh(form.get('refresh_token'))
    if (!issued) return json({ error: 'invalid_grant' }, { status: 400 })
    const { access, refresh } = issued
    return json({
      access_token: access,
      token_type: 'Bearer',
      expires_in: String(LIFETIME / 1000),
      refresh_token: refresh,
    })
  },
  'POST /oauth/revoke': ({ form }) => {
    ledger.end(form.get('token'))
    return json(undefined)
  },
})

const formLogin = (ledger: Ledger): Routes => ({
  ...api(ledger),
  'POST /token': ({ form }) => {
    const issued = ledger.login(form.get('username'), form.get('password'))
    if (!issued) return json({ detail: 'Incorrect username or password' }, { status: 400 })
    return json({ access_token: issued.access, token_type: 'bearer' })
  },
})

const sliding = (ledger: Ledger): Routes => {
  const granted = (issued: Issued | null) =>
    issued
      ? json({ access_token: issued.access, token_type: 'bearer', expires_in: LIFETIME / 1000 })
      : refused()
  return {
    ...api(ledger),
    'POST /auth/login': ({ json }) => granted(ledger.login(json?.email, json?.password)),
    'POST /auth/refresh': call => granted(ledger.renew(tokenOf(call))),
    'POST /auth/logout': call => (ledger.end(tokenOf(call)) ? done() : refused()),
    'GET /auth/me': call => {
      const user = ledger.user(tokenOf(call))
      return user ? json(user) : refused()
    },
  }
}

/**
 * As Laravel, Devise and a Django site with pages do. A client that does not ask for JSON gets a redirect to the login page
 * instead of a refusal, and a redirect to the front page after a logout.
 */
function withPages(routes: Routes): Routes {
  const shown: Routes = {}
  for (const [route, answer] of Object.entries(routes)) {
    shown[route as keyof Routes] = async call => {
      const response = await answer(call)
      // Illuminate\Http\Concerns\InteractsWithContentTypes::wantsJson, in short.
      const [wanted = ''] = (call.headers.get('Accept') ?? '*/*').split(',')
      if (/[/+]json/i.test(wanted) || (response.status < 400 && !route.endsWith('/logout'))) return response
      const redirect = new Response(null, { status: 302, headers: { Location: '/login' } })
      for (const cookie of response.headers.getSetCookie()) redirect.headers.append('Set-Cookie', cookie)
      return redirect
    }
  }
  return shown
}

const inHeader = (ledger: Ledger): Routes => {
  const granted = (issued: Issued | null) =>
    issued
      ? json(issued.user, {
          headers: { Authorization: `Bearer ${issued.access}` },
          cookies: [hidden('refresh', issued.refresh)],
        })
      : refused()
  return withPages({
    ...standard(ledger),
    'POST /login': ({ json }) => granted(ledger.login(json?.email, json?.password)),
    'POST /refresh_token': ({ cookies }) => granted(ledger.refresh(cookies.refresh)),
  })
}

const UNAUTHENTICATED = { data: null, errors: [{ message: 'no', extensions: { code: 'UNAUTHENTICATED' } }] }

const graphql = (ledger: Ledger): Routes => ({
  'POST /graphql': call => {
    const { query = '', variables } = call.json ?? {}
    const granted = (issued: Issued | null) =>
      issued
        ? json(
            { data: { session: { token: issued.access, ttl: LIFETIME / 1000 } } },
            { cookies: [hidden('refresh', issued.refresh, '/graphql')] },
          )
        : json(UNAUTHENTICATED)
    if (query.includes('login(')) return granted(ledger.login(variables.email, variables.password))
    if (query.includes('refresh {')) return granted(ledger.refresh(call.cookies.refresh))
    if (query.includes('logout')) return json({ data: { logout: ledger.end(call.cookies.refresh) } })
    return json(ledger.user(tokenOf(call)) ? { data: { items: [1] } } : UNAUTHENTICATED)
  },
})

/** Wants the readable cookie's value in the header; a new one with each login and refresh. */
const laravel = (ledger: Ledger): Routes => {
  const routes = standard(ledger)
  const guarded: Routes = {}
  for (const [route, answer] of Object.entries(routes)) {
    guarded[route as keyof Routes] = async call => {
      const { cookies, headers, method } = call
      const isSame = cookies['XSRF-TOKEN'] && headers.get('X-XSRF-TOKEN') === cookies['XSRF-TOKEN']
      if (method !== 'GET' && !isSame) return json({ message: 'CSRF token mismatch.' }, { status: 419 })
      const response = await answer(call)
      if (!route.endsWith('/items')) response.headers.append('Set-Cookie', xsrf())
      return response
    }
  }
  // As Laravel's: it ends with a character that a cookie may not hold.
  const xsrf = () => shown('XSRF-TOKEN', `${randomUUID()}=`)
  return withPages({ ...guarded, 'GET /sanctum/csrf-cookie': () => done([xsrf()]) })
}

/** Knows the session by its cookie, and refuses a logout that carries a bearer. */
const withoutBearer = (ledger: Ledger): Routes => {
  const routes = laravel(ledger)
  const logout = routes['POST /logout'] as Route
  return { ...routes, 'POST /logout': call => (call.authorization ? refused(400) : logout(call)) }
}

/** The access cookie is exchanged for the next one while it lives, and there is no other cookie. */
const slidingCookie = (ledger: Ledger): Routes => {
  const access = ({ cookies }: Call) => cookies.access
  const granted = (issued: Issued | null) =>
    issued
      ? json(
          { expires_in: LIFETIME / 1000, user: issued.user },
          { cookies: [hidden('access', issued.access)] },
        )
      : refused()
  return {
    ...api(ledger, access),
    'POST /auth/login': ({ json }) => granted(ledger.login(json?.email, json?.password)),
    'POST /auth/renew': call => granted(ledger.renew(access(call) ?? null)),
    'POST /auth/logout': call => {
      ledger.end(access(call))
      return done([gone('access')])
    },
    'GET /auth/me': call => {
      const user = ledger.user(access(call))
      return user ? json(user) : refused()
    },
  }
}

const flask = (ledger: Ledger): Routes => {
  const bound = new Map<string, string>()
  const pair = (kind: string, token: string) => {
    bound.set(token, randomUUID())
    return [hidden(`${kind}_token_cookie`, token), shown(`csrf_${kind}_token`, bound.get(token)!)]
  }
  const granted = (issued: Issued | null) =>
    issued
      ? json(
          { msg: 'signed in' },
          { cookies: [...pair('access', issued.access), ...pair('refresh', issued.refresh)] },
        )
      : json({ msg: 'Token has been revoked' }, { status: 401 })
  const token = ({ cookies, headers, method }: Call, kind: string) => {
    const found = cookies[`${kind}_token_cookie`]
    return found && (method === 'GET' || headers.get('X-CSRF-TOKEN') === bound.get(found)) ? found : null
  }
  const access = (call: Call) => token(call, 'access')
  return {
    ...api(ledger, access),
    'GET /me': call => {
      const user = ledger.user(access(call))
      return user ? json(user) : refused()
    },
    'POST /login': ({ json }) => granted(ledger.login(json?.email, json?.password)),
    'POST /refresh': call => granted(ledger.refresh(token(call, 'refresh'))),
    'POST /logout': ({ cookies }) => {
      ledger.end(cookies.refresh_token_cookie)
      return done(
        ['access', 'refresh'].flatMap(kind => [gone(`${kind}_token_cookie`), gone(`csrf_${kind}_token`)]),
      )
    },
  }
}

const cookieMode = (ledger: Ledger): Routes => {
  const access = ({ cookies }: Call) => cookies.access
  const isDoubled = ({ cookies, headers }: Call) =>
    cookies['XSRF-TOKEN'] !== undefined && headers.get('X-XSRF-TOKEN') === cookies['XSRF-TOKEN']
  const granted = (issued: Issued | null) =>
    issued
      ? json(
          { expires_in: LIFETIME / 1000, user: issued.user },
          {
            cookies: [
              hidden('access', issued.access),
              hidden('refresh', issued.refresh, '/auth'),
              shown('XSRF-TOKEN', randomUUID()),
            ],
          },
        )
      : refused()
  const { 'POST /items': post, ...rest } = api(ledger, access)
  return {
    ...rest,
    'POST /items': call => (isDoubled(call) ? post!(call) : refused(403)),
    'POST /auth/login': ({ json }) => granted(ledger.login(json?.email, json?.password)),
    'POST /auth/refresh': call =>
      isDoubled(call) ? granted(ledger.refresh(call.cookies.refresh)) : refused(403),
    'POST /auth/logout': call => {
      if (!isDoubled(call)) return refused(403)
      ledger.end(call.cookies.refresh)
      return done([gone('access'), gone('refresh', '/auth'), gone('XSRF-TOKEN')])
    },
    'GET /auth/me': call => {
      const user = ledger.user(access(call))
      return user ? json(user) : refused()
    },
  }
}

/** Two APIs in one: some endpoints say 403, some 422, and 401 is for no token at all. */
const forbidding = (ledger: Ledger): Routes => {
  const routes = standard(ledger)
  const expired = api(ledger, tokenOf, () => json({ error: 'token_expired' }, { status: 403 }))
  const unprocessable = api(ledger, tokenOf, () => json({ msg: 'Signature has expired' }, { status: 422 }))
  return {
    ...routes,
    'GET /items': expired['GET /items']!,
    'POST /items': unprocessable['POST /items']!,
    'GET /admin': () => json({ error: 'not_an_admin' }, { status: 403 }),
    'POST /refresh_token': async call => {
      const response = await routes['POST /refresh_token']!(call)
      return response.status === 401 ? json({ error: 'bad_token' }, { status: 422 }) : response
    },
  }
}

const twoSteps = (ledger: Ledger): Routes => ({
  ...standard(ledger),
  'POST /login': ({ json: body }) => {
    const issued = ledger.login(body?.email, body?.password)
    return issued ? json(issued.user, { cookies: [hidden('refresh', issued.refresh)] }) : refused()
  },
  'POST /token': ({ cookies }) => {
    const issued = ledger.refresh(cookies.refresh)
    if (!issued) return refused()
    return json(
      { jwt: issued.access, ttl: LIFETIME / 1000 },
      { cookies: [hidden('refresh', issued.refresh)] },
    )
  },
})

const django = (ledger: Ledger): Routes =>
  withPages({
    ...api(ledger, call => tokenOf(call, 'JWT')),
    'POST /api/token/': ({ json: body }) => {
      const issued = ledger.login(body?.email, body?.password)
      return issued ? json({ access: issued.access, refresh: issued.refresh }) : refused()
    },
    'POST /api/token/refresh/': ({ json: body }) => {
      const issued = ledger.refresh(body?.refresh)
      if (!issued) return json({ detail: 'Token is invalid', code: 'token_not_valid' }, { status: 401 })
      return json({ access: issued.access, refresh: issued.refresh })
    },
    'POST /api/token/blacklist/': ({ json: body }) => (ledger.end(body?.refresh) ? json({}) : refused()),
  })

const otherRestore = (ledger: Ledger): Routes => {
  const granted = (issued: Issued | null) =>
    issued
      ? json(
          { token: issued.access, ttl: LIFETIME / 1000 },
          { cookies: [hidden('refresh', issued.refresh), hidden('session', issued.access)] },
        )
      : refused()
  return {
    ...standard(ledger),
    'POST /login': ({ json }) => granted(ledger.login(json?.email, json?.password)),
    'POST /refresh_token': ({ cookies }) => granted(ledger.refresh(cookies.refresh)),
    'GET /me': ({ cookies }) => {
      const user = ledger.user(cookies.session)
      return user ? json(user) : refused()
    },
  }
}

const deleting = (ledger: Ledger): Routes => {
  const { 'POST /logout': _none, ...rest } = standard(ledger)
  return {
    ...rest,
    'DELETE /session': call => (ledger.end(tokenOf(call)) ? done([gone('refresh')]) : refused()),
  }
}

/** The refresh token in the body, as the client itself would send it. */
const inBody = (ledger: Ledger): Routes => {
  const granted = (issued: Issued | null) =>
    issued
      ? json({ access_token: issued.access, expires_in: LIFETIME / 1000, refresh_token: issued.refresh })
      : refused()
  return {
    ...api(ledger),
    'POST /login': ({ json }) => granted(ledger.login(json?.email, json?.password)),
    'POST /refresh_token': ({ json }) => granted(ledger.refresh(json?.refresh_token)),
    'POST /logout': call => {
      const token = tokenOf(call)
      // Not by the access token: it is the refresh token that this one wants to see.
      return !ledger.user(token) && ledger.end(token) ? done() : refused()
    },
  }
}

const REFRESH = 'POST /refresh_token'

/** By the recipe's heading. */
export const families: Record<string, Family> = {
  'Snake-case JSON, the refresh token in a cookie': {
    routes: ledger => standard(ledger, '/auth', 'refresh'),
    refreshRoute: 'POST /auth/refresh',
  },
  'A nested envelope, a lifetime in milliseconds': {
    routes: enveloped,
    refreshRoute: 'POST /v1/sessions/renew',
  },
  'An absolute time of expiry': { routes: absolute, refreshRoute: REFRESH, user: false },
  'OAuth 2.0, form encoded': {
    routes: oauth,
    refreshRoute: 'POST /oauth/token',
    user: false,
    passing: () => json({ error: 'temporarily_unavailable' }, { status: 400 }),
  },
  'A form-encoded login, and nothing to refresh with': {
    routes: formLogin,
    refreshRoute: '',
    jwt: true,
    user: false,
  },
  'A token that renews itself': { routes: sliding, refreshRoute: 'POST /auth/refresh' },
  'A token in a response header': { routes: inHeader, refreshRoute: REFRESH, jwt: true },
  'GraphQL, errors inside HTTP 200': {
    routes: graphql,
    refreshRoute: 'POST /graphql',
    user: false,
    passing: () =>
      json({ data: null, errors: [{ message: 'db', extensions: { code: 'INTERNAL_SERVER_ERROR' } }] }),
    async read(fetch, origin) {
      const response = await fetch(`${origin}/graphql`, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify({ query: '{ items }' }),
      })
      return (await response.json()).data !== null
    },
  },
  'Double-submit CSRF: Laravel, Django': { routes: laravel, refreshRoute: REFRESH },
  'A refresh cookie with CSRF, and a logout without the bearer': {
    routes: withoutBearer,
    refreshRoute: REFRESH,
  },
  'Double-submit CSRF with two cookies: flask-jwt-extended': {
    routes: flask,
    refreshRoute: 'POST /refresh',
    silent: true,
  },
  'The access token in a cookie too': { routes: cookieMode, refreshRoute: 'POST /auth/refresh' },
  'A cookie that renews itself': { routes: slidingCookie, refreshRoute: 'POST /auth/renew' },
  'An API that says 403 or 422 for an expired token': { routes: forbidding, refreshRoute: REFRESH },
  'A login that answers a user and no token': { routes: twoSteps, refreshRoute: 'POST /token' },
  'Another word than Bearer: Django REST framework': {
    routes: django,
    refreshRoute: 'POST /api/token/refresh/',
    jwt: true,
    user: false,
  },
  'Restoring through another endpoint': { routes: otherRestore, refreshRoute: REFRESH, user: false },
  'Logging out with DELETE and the bearer': { routes: deleting, refreshRoute: REFRESH },
  'Logging out with the refresh token as the bearer': { routes: inBody, refreshRoute: REFRESH, user: false },
  'Logging out without a call': { routes: standard, refreshRoute: REFRESH, revokes: false },
}
