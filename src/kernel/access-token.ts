import type { AuthClient } from '../types.ts'
import { type Disposal, within } from './abort.ts'
import type { Bearer } from './bearer.ts'
import { instant } from './clock.ts'
import type { Endpoints } from './endpoints.ts'
import type { Environment } from './environment.ts'
import { AuthError, invalid } from './errors.ts'
import { type Held, isDue } from './held.ts'
import type { Owner } from './identity.ts'
import { pick } from './own.ts'
import type { CookiesPart } from './parts.ts'
import type { SessionHolder } from './session.ts'
import type { Settings } from './settings.ts'
import { isUsable, parseToken } from './token.ts'
import type { TokenSource } from './usable-token.ts'

interface Needs {
  readonly settings: Pick<Settings, 'timeout'>
  readonly environment: Environment
  readonly disposal: Disposal
  readonly session: SessionHolder
  readonly endpoints: Pick<Endpoints, 'nameByClaims'>
  readonly cookies: Pick<CookiesPart, 'refuse'> | undefined
}

/** Gives the access token to the app, for requests that do not go through `fetch`: sockets, uploads, maps. */
export function createAccessToken(
  kernel: Needs,
  tokens: TokenSource,
  bearer: Bearer,
): Pick<AuthClient, 'getAccessToken' | 'peekAccessToken'> {
  const { environment, session } = kernel
  const { timeout } = kernel.settings

  /** Remembers the token: the app may come back with it as `refused` later. */
  function handOut(held: Held | null): string | null {
    if (held) bearer.remember(held)
    return held?.accessToken ?? null
  }

  /** Whose token it is that the app says was refused. */
  async function ownerOf(token: string, signal: AbortSignal | null | undefined): Promise<Owner> {
    if (isUsable(token)) {
      const { held } = session
      const known = held?.accessToken === token ? held : bearer.ownerOf(token)
      if (known) return known
      const parsed = parseToken({ accessToken: token }, { sentAt: instant(environment) })
      const late = () => new AuthError('refresh_unavailable', '"claims" took too long.')
      const ask = () => kernel.endpoints.nameByClaims(parsed)
      const name = await within(environment, timeout, late, ask, signal, kernel.disposal.signal)
      if (name !== null) return { identity: { name, epoch: -1 } }
    }
    throw invalid('refused', 'an access token of this client, or one whose claims name its user')
  }

  return {
    async getAccessToken(options) {
      const { minValidity = 0, refused, signal } = pick(options, 'minValidity', 'refused', 'signal')
      kernel.cookies?.refuse('getAccessToken', 'Use "fetch".')
      if (!(minValidity >= 0)) throw invalid('minValidity', 'a non-negative number of milliseconds')
      const owner = refused == null ? session.owner : await ownerOf(refused, signal)
      const held = await tokens.usable(signal, minValidity, owner, refused)
      if (held && minValidity > 0 && isDue(environment, held, minValidity)) {
        throw new AuthError(
          'refresh_unavailable',
          `Even a fresh token lives for less than "minValidity", ${minValidity} ms.`,
          { retryable: false },
        )
      }
      return handOut(held)
    },
    peekAccessToken() {
      kernel.cookies?.refuse('peekAccessToken', 'Use "fetch".')
      return handOut(tokens.peek())
    },
  }
}
