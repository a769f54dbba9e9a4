import express, { type ErrorRequestHandler, type Response } from 'express'
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

// npm install express jose && node express.ts

const fail = (response: Response, status: number, error: string) =>
  response.status(status).json({ error, message: error.replaceAll('_', ' ') })

const app = express()
app.use((_request, response, next) => {
  response.set('Cache-Control', 'no-store')
  next()
})

app.use('/auth', (request, response, next) => {
  if (isOwnPage(request.get('Origin'), request.get('Sec-Fetch-Site'))) next()
  else fail(response, 403, 'forbidden_origin')
})

app.post('/auth/login', express.json(), async (request, response) => {
  const { email, password } = request.body ?? {}
  if (typeof email !== 'string' || typeof password !== 'string') return fail(response, 400, 'invalid_request')
  const user = await signIn(email, password)
  if (!user) return fail(response, 401, 'invalid_credentials')
  // The new cookie replaces the one of an older session. Nobody could end that session later.
  endSession(readRefreshCookie(request.get('Cookie')))
  return response.append('Set-Cookie', refreshCookie(startSession(user))).json(await tokenAnswer(user))
})

app.post('/auth/refresh_token', async (request, response) => {
  const token = readRefreshCookie(request.get('Cookie'))
  if (!token) return fail(response, 401, 'missing_refresh_token')
  const result = rotate(token)
  // No cookie is cleared here: the refusal may arrive after a new login.
  if ('error' in result) return fail(response, 401, result.error)
  response.append('Set-Cookie', refreshCookie(result.refreshToken, result.maxAge))
  return response.json(await tokenAnswer(result.user))
})

app.post('/auth/logout', (request, response) => {
  endSession(readRefreshCookie(request.get('Cookie')))
  response.append('Set-Cookie', refreshCookie('', 0)).status(204).end()
})

// Your API: everything below this line needs an access token.
app.use(async (request, response, next) => {
  const user = await authenticate(request.get('Authorization'))
  if (typeof user === 'string') {
    response.set('WWW-Authenticate', challenge(user))
    return fail(response, 401, user)
  }
  response.locals.user = user satisfies User
  return next()
})

app.get('/user/whoami', (_request, response) => {
  response.json(response.locals.user)
})

app.use((_request, response) => {
  fail(response, 404, 'not_found')
})

const onError: ErrorRequestHandler = (error, _request, response, _next) => {
  // A body that is no JSON comes here too.
  if (error.status >= 400 && error.status < 500) return void fail(response, error.status, 'invalid_request')
  console.error(error)
  if (!isOutage(error)) return void fail(response, 500, 'server_error')
  response.set('Retry-After', '5')
  fail(response, 503, 'temporarily_unavailable')
}
app.use(onError)

app.listen(port, '127.0.0.1', () => console.log(`http://127.0.0.1:${port}`))
