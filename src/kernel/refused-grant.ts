import type { Failure } from '../types.ts'

/** What says that this refresh token will not do again: RFC 6749 §5.2, and OpenID Connect Core 1.0 §3.1.2.6. */
const FINAL = ['invalid_grant', 'login_required', 'interaction_required', 'consent_required']

/**
 * Is this refusal of a token endpoint final? Whatever else is wrong (the client's registration, the server) does not become
 * right by signing the user out. A server that says nothing says it by the status alone.
 */
export const isGrantRefused = ({ status, body }: Pick<Failure, 'status' | 'body'>): boolean =>
  [400, 401, 403].includes(status) &&
  (body === undefined || FINAL.includes((body as { error?: string } | null)?.error ?? ''))
