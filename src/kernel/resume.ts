import { type Disposal, within } from './abort.ts'
import { instant } from './clock.ts'
import type { Endpoints } from './endpoints.ts'
import type { Environment } from './environment.ts'
import { isAuthError } from './errors.ts'
import type { Rest } from './rest.ts'
import type { SessionHolder } from './session.ts'
import type { Settings } from './settings.ts'
import { parseToken } from './token.ts'

interface Needs {
  readonly settings: Settings
  readonly environment: Environment
  readonly disposal: Disposal
  readonly session: SessionHolder
  readonly endpoints: Endpoints
}

/**
 * Goes on with a stored access token, without asking the server while it is valid. Settles with `false` if it cannot be
 * used any more.
 */
export async function goOnWith(kernel: Needs, { accessToken = '', expiresAt }: Rest): Promise<boolean> {
  const { settings, environment, disposal, session, endpoints } = kernel
  // The stored expiry is by this machine's clock; `iat` in the token is by the server's.
  const left = expiresAt === undefined ? undefined : expiresAt - environment.now()
  if (left !== undefined && left <= 0) return false
  const { stamp } = session
  try {
    const set = { accessToken, expiresIn: left && left / 1000 }
    const parsed = parseToken(set, { sentAt: instant(environment), adopted: left === undefined })
    const complete = (inner: AbortSignal) => endpoints.complete(parsed, undefined, inner)
    const token = await within(environment, settings.timeout / 2, null, complete, disposal.signal)
    // A login or logout meanwhile wins.
    if (session.stamp === stamp) session.commit(token, 'restore')
    return true
  } catch (error) {
    // The app's schema refuses the claims.
    return !(isAuthError(error) && error.code === 'malformed_response')
  }
}
