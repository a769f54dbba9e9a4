import { serve } from '@hono/node-server'
import { type Context, Hono } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import { HTTPException } from 'hono/http-exception'
import type { ContentfulStatusCode } from 'hono/utils/http-status'
import {
  authenticate,
  challenge,
  endSession,
  isOutage,
  isOwnPage,
  port,
  readRefreshCookie,
  refreshCookie,
  rotate,
  signIn,
  startSession,
  tokenAnswer,
  type User,
} from './sessions.ts'

// npm install hono @hono/node-server jose && node hono.ts

const fail = (c: Context, status: ContentfulStatusCode, error: string) =>
  c.json({ error, message: error.replaceAll('_', ' ') }, status)

const app = new Hono()
app.use(async (c, next) => {
  c.header('Cache-Control', 'no-store')
  await next()
})

const auth = new Hono()
auth.use(async (c, next) => {
  if (isOwnPage(c.req.header('Origin'), c.req.header('Sec-Fetch-Site'))) return next()
  return fail(c, 403, 'forbidden_origin')
})

auth.post('/login', bodyLimit({ maxSize: 16 * 1024, onError: c => fail(c, 413, 'too_large') }), async c => {
  const body: unknown = await c.req.json().catch(() => null)
  const { email, password } = Object(body) as Record<string, unknown>
  if (typeof email !== 'string' || typeof password !== 'string') return fail(c, 400, 'invalid_request')
  const user = await signIn(email, password)
  if (!user) return fail(c, 401, 'invalid_credentials')
  // The new cookie replaces the one of an older session. Nobody could end that session later.
  endSession(readRefreshCookie(c.req.header('Cookie')))
  c.header('Set-Cookie', refreshCookie(startSession(user)))
  return c.json(await tokenAnswer(user))
})

auth.post('/refresh_token', async c => {
  const token = readRefreshCookie(c.req.header('Cookie'))
  if (!token) return fail(c, 401, 'missing_refresh_token')
  const result = rotate(token)
  // No cookie is cleared here: the refusal may arrive after a new login.
  if ('error' in result) return fail(c, 401, result.error)
  c.header('Set-Cookie', refreshCookie(result.refreshToken, result.maxAge))
  return c.json(await tokenAnswer(result.user))
})

auth.post('/logout', c => {
  endSession(readRefreshCookie(c.req.header('Cookie')))
  c.header('Set-Cookie', refreshCookie('', 0))
  return c.body(null, 204)
})

// Your API: every route in here needs an access token.
const api = new Hono<{ Variables: { user: User } }>()
api.use(async (c, next) => {
  const user = await authenticate(c.req.header('Authorization'))
  if (typeof user === 'string') {
    c.header('WWW-Authenticate', challenge(user))
    return fail(c, 401, user)
  }
  c.set('user', user)
  return next()
})
api.get('/user/whoami', c => c.json(c.get('user')))

app.route('/auth', auth)
app.route('/', api)
app.notFound(c => fail(c, 404, 'not_found'))
app.onError((error, c) => {
  if (error instanceof HTTPException) return fail(c, error.status, 'invalid_request')
  console.error(error)
  if (!isOutage(error)) return fail(c, 500, 'server_error')
  c.header('Retry-After', '5')
  return fail(c, 503, 'temporarily_unavailable')
})

serve({ fetch: app.fetch, port, hostname: '127.0.0.1' }, () => console.log(`http://127.0.0.1:${port}`))
