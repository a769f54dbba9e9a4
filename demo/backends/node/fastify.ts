import fastify, { type FastifyReply } from 'fastify'
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
} from './sessions.ts'

// npm install fastify jose && node fastify.ts

const fail = (reply: FastifyReply, status: number, error: string) =>
  reply.code(status).send({ error, message: error.replaceAll('_', ' ') })

const app = fastify()

app.addHook('onRequest', async (_request, reply) => {
  reply.header('Cache-Control', 'no-store')
})

app.register(
  async auth => {
    auth.addHook('onRequest', async ({ headers }, reply) => {
      const site = headers['sec-fetch-site']
      if (!isOwnPage(headers.origin, typeof site === 'string' ? site : undefined)) {
        return fail(reply, 403, 'forbidden_origin')
      }
    })

    auth.post<{ Body?: { email?: unknown; password?: unknown } }>('/login', async (request, reply) => {
      const { email, password } = request.body ?? {}
      if (typeof email !== 'string' || typeof password !== 'string')
        return fail(reply, 400, 'invalid_request')
      const user = await signIn(email, password)
      if (!user) return fail(reply, 401, 'invalid_credentials')
      // The new cookie replaces the one of an older session. Nobody could end that session later.
      endSession(readRefreshCookie(request.headers.cookie))
      reply.header('Set-Cookie', refreshCookie(startSession(user)))
      return tokenAnswer(user)
    })

    auth.post('/refresh_token', async (request, reply) => {
      const token = readRefreshCookie(request.headers.cookie)
      if (!token) return fail(reply, 401, 'missing_refresh_token')
      const result = rotate(token)
      // No cookie is cleared here: the refusal may arrive after a new login.
      if ('error' in result) return fail(reply, 401, result.error)
      reply.header('Set-Cookie', refreshCookie(result.refreshToken, result.maxAge))
      return tokenAnswer(result.user)
    })

    auth.post('/logout', async (request, reply) => {
      endSession(readRefreshCookie(request.headers.cookie))
      return reply.header('Set-Cookie', refreshCookie('', 0)).code(204).send()
    })
  },
  { prefix: '/auth' },
)

// Your API: every route in here needs an access token.
app.register(async api => {
  api.addHook('onRequest', async (request, reply) => {
    const user = await authenticate(request.headers.authorization)
    if (typeof user === 'string') {
      reply.header('WWW-Authenticate', challenge(user))
      return fail(reply, 401, user)
    }
    request.setDecorator('user', user)
  })
  api.decorateRequest('user', null)

  api.get('/user/whoami', async request => request.getDecorator('user'))
})

app.setNotFoundHandler((_request, reply) => fail(reply, 404, 'not_found'))

app.setErrorHandler((error: { statusCode?: number }, _request, reply) => {
  // A body that is no JSON comes here too.
  const { statusCode = 500 } = error
  if (statusCode < 500) return fail(reply, statusCode, 'invalid_request')
  console.error(error)
  if (!isOutage(error)) return fail(reply, 500, 'server_error')
  return fail(reply.header('Retry-After', '5'), 503, 'temporarily_unavailable')
})

console.log(await app.listen({ port, host: '127.0.0.1' }))
