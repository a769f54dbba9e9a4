import type { MiddlewareHandler } from 'hono'
import { failure, type ServerContext, type ServerEnv } from './http.ts'

const LOOPBACK = /^(?:127\.0\.0\.1|localhost|.+\.localhost|\[::1\])$/

const isPublicHost = (c: ServerContext, host: string) =>
  c.get('publicOrigins').some(origin => new URL(origin).host === host)

/** A name that an attacker points at 127.0.0.1 (DNS rebinding) would count as its own origin below. */
export const loopbackHost: MiddlewareHandler<ServerEnv> = async (c, next) => {
  const { hostname, host } = new URL(c.req.url)
  return LOOPBACK.test(hostname) || isPublicHost(c, host)
    ? next()
    : failure(c, 421, 'misdirected_request', 'This server answers to loopback names only')
}

/** A proxy may have replaced `Host`, so the public origins are as good as the one that the request was sent to. */
export const ownOrigins = (c: ServerContext): string[] => [
  new URL(c.req.url).origin,
  ...c.get('publicOrigins'),
]

const isSameOrigin = (c: ServerContext): boolean => {
  const origin = c.req.header('Origin')
  if (origin !== undefined) return ownOrigins(c).includes(origin)
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
