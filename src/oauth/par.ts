import { AuthError } from '../kernel/errors.ts'
import { secure, toAbsoluteUrl } from '../kernel/resolve-url.ts'
import type { PrepareRequest } from './options.ts'

/**
 * Pushed Authorization Requests (RFC 9126), for the option `prepare`. The parameters go to the server by a call. The address of
 * the login page shows `client_id` and `request_uri` alone.
 *
 * @throws AuthError `login_rejected` with the server's `body`, `login_unavailable`, `malformed_response`
 * @example
 * oauth({ issuer: 'https://id.example.com', clientId: 'spa', prepare: par })
 */
export const par: PrepareRequest = async (parameters, metadata, { fetch, signal }) => {
  const endpoint = metadata.pushed_authorization_request_endpoint
  if (!endpoint) {
    throw new AuthError('malformed_response', 'The metadata has no "pushed_authorization_request_endpoint".')
  }
  const url = secure('metadata', toAbsoluteUrl('metadata', endpoint), null).href
  let response: Response
  try {
    response = await fetch(url, {
      method: 'POST',
      body: parameters,
      credentials: 'omit',
      redirect: 'error',
      signal,
    })
  } catch {
    signal.throwIfAborted()
    throw new AuthError(
      'login_unavailable',
      'The pushed authorization request failed on the network or by CORS.',
    )
  }
  const { status } = response
  const body: { request_uri?: unknown; error?: unknown } | null = await response.json().catch(() => null)
  if (!response.ok) {
    const isFinal = status >= 400 && status < 500 && ![408, 425, 429].includes(status)
    throw new AuthError(
      isFinal ? 'login_rejected' : 'login_unavailable',
      `The pushed authorization request was answered with ${status}.`,
      { status, ...(body && { body }) },
    )
  }
  if (typeof body?.request_uri !== 'string') {
    throw new AuthError(
      'malformed_response',
      'The answer to the pushed authorization request has no "request_uri".',
    )
  }
  return new URLSearchParams({
    client_id: parameters.get('client_id') ?? '',
    request_uri: body.request_uri,
  })
}
