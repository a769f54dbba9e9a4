import type { MiddlewareHandler } from 'hono'
import { failure, type ServerContext, type ServerEnv } from './http.ts'

const LOOPBACK = /^(?:127\.0\.0\.1|localhost|.+\.localhost|\[::1\])$/

/** A name that an attacker points at 127.0.0.1 (DNS rebinding) would count as its own origin below. */
export const loopbackHost: MiddlewareHandler<ServerEnv> = async (c, next) =>
  LOOPBACK.test(new URL(c.req.url).hostname)
    ? next()
    : failure(c, 421, 'misdirected_request', 'This server answers to loopback names only')

const isSameOrigin = (c: ServerContext): boolean => {
  const origin = c.req.header('Origin')
  if (origin !== undefined) return origin === new URL(c.req.url).origin
  const site = c.req.header('Sec-Fetch-Site')
  if (site !== undefined) return site === 'same-origin' || site === 'none'
  // Every browser sends one of the two with a POST. A GET changes nothing, and without CORS headers no
  // other origin can read its answer.
  return c.req.method === 'GET'
}

export const sameOrigin: MiddlewareHandler<ServerEnv> = async (c, next) =>
  isSameOrigin(c)
    ? next()
    : failure(c, 403, 'forbidden_origin', 'This endpoint answers to pages of its own origin only')
