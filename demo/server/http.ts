import type { HttpBindings } from '@hono/node-server'
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response'
import type { Context } from 'hono'
import type { ContentfulStatusCode } from 'hono/utils/http-status'
import type { User } from './users.ts'

export interface ServerEnv {
  Bindings: HttpBindings
  Variables: {
    user: User
    /** The session of the token that was sent. */
    session: string
    /** In front of every path, where this is not the only auth server of its origin. */
    base: string | undefined
    note: (note: string) => void
    unanswered: true
  }
}

export type ServerContext = Context<ServerEnv>

export const failure = (
  c: ServerContext,
  status: ContentfulStatusCode,
  error: string,
  message: string,
): Response => c.json({ error, message }, status)

export const bearerToken = (c: ServerContext): string | null =>
  /^Bearer +(\S+) *$/i.exec(c.req.header('Authorization') ?? '')?.[1] ?? null

/** Ends the connection without an answer. */
export const hangUp = (c: ServerContext): Response => {
  c.set('unanswered', true)
  c.env.incoming.socket.destroy()
  return new Response(null, { headers: RESPONSE_ALREADY_SENT.headers })
}
