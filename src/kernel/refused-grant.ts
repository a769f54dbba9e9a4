import type { Failure } from '../types.ts'

/** What says that this refresh token will not do again: RFC 6749 §5.2, and OpenID Connect Core 1.0 §3.1.2.6. */
const FINAL = ['invalid_grant', 'login_required', 'interaction_required', 'consent_required']

/**
 * Is this refusal of a token endpoint final? Other faults, of the client's registration or of the server, are not mended by
 * signing the user out. If the answer has no error code, the status decides.
 */
export const isGrantRefused = ({ status, body }: Pick<Failure, 'status' | 'body'>): boolean =>
  [400, 401, 403].includes(status) &&
  (body === undefined || FINAL.includes((body as { error?: string } | null)?.error ?? ''))
