import type { HttpBindings } from '@hono/node-server'
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response'
import type { Context } from 'hono'
import type { ContentfulStatusCode } from 'hono/utils/http-status'
import { PROOF_ALGORITHMS, REALM } from './config.ts'
import type { User } from './users.ts'

export interface ServerEnv {
  Bindings: HttpBindings
  Variables: {
    user: User
    /** The session of the token that was sent. */
    session: string
    /** In front of every path, where this is not the only auth server of its origin. */
    base: string | undefined
    /** The origins under which a proxy shows this server to browsers. */
    publicOrigins: readonly string[]
    note: (note: string) => void
    /** How access tokens are presented, if not as `Bearer`. */
    scheme: 'DPoP' | undefined
    /** The thumbprint of the key that the request's proof was made with, where the server demands proofs. */
    jkt: string | undefined
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

const schemeOf = (c: ServerContext): 'Bearer' | 'DPoP' => c.get('scheme') ?? 'Bearer'

export const accessToken = (c: ServerContext): string | null => {
  const [, scheme, token] = /^(\S+) +(\S+) *$/.exec(c.req.header('Authorization') ?? '') ?? []
  return token && scheme?.toLowerCase() === schemeOf(c).toLowerCase() ? token : null
}

/** For `WWW-Authenticate`: RFC 6750 §3, RFC 9449 §7.1. */
export const challenge = (c: ServerContext, error?: string, description?: string): string =>
  [
    `${schemeOf(c)} realm="${REALM}"`,
    ...(error ? [`error="${error}"`, `error_description="${description}"`] : []),
    ...(c.get('scheme') ? [`algs="${PROOF_ALGORITHMS.join(' ')}"`] : []),
  ].join(', ')

/** Ends the connection without an answer. */
export const hangUp = (c: ServerContext): Response => {
  c.set('unanswered', true)
  c.env.incoming.socket.destroy()
  return new Response(null, { headers: RESPONSE_ALREADY_SENT.headers })
}
