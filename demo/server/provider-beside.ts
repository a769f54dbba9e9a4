import type { AccessTokens } from './access-tokens.ts'
import { AUDIENCE } from './config.ts'
import { DEMO_CREDENTIALS } from './credentials.ts'
import type { DPoP } from './dpop.ts'
import type { FaultState } from './faults.ts'
import type { ProviderServer } from './provider.ts'
import type { Users } from './users.ts'

export const CLIENT_ID = 'demo'

/** Under both names by which a page can be opened. */
const pagesOf = (url: string) =>
  [url, url.replace('127.0.0.1', 'localhost')].flatMap(origin => [`${origin}/`, `${origin}/silent.html`])

/** The authorization server of the mode `oauth`, for the demo's page at these addresses. */
export const startProviderBeside = async (
  urls: readonly string[],
  users: Users,
  accessTtl: number,
  dpop: DPoP | undefined,
): Promise<ProviderServer> => {
  // Only when it is wanted: oidc-provider takes longer to load than all the rest of the demo.
  const { startProvider } = await import('./provider.ts')
  return startProvider({
    users,
    suggested: DEMO_CREDENTIALS[0]!,
    accessTtl,
    dpop: dpop !== undefined,
    nonces: dpop?.nonces ?? false,
    resource: AUDIENCE,
    clients: [{ id: CLIENT_ID, redirectUris: [...new Set(urls.flatMap(pagesOf))] }],
  })
}

/** The demo's own faults, as far as they make sense there. */
export const applyFaults = ({ outage }: ProviderServer, { offline, refresh }: FaultState): void => {
  if (offline) outage.set({ failure: 'refuse' })
  else if (refresh === 'none') outage.set({})
  else if (refresh === 'drop') outage.set({ failure: 'refuse', endpoints: ['token'] })
  else outage.set({ failure: refresh === 'hang' ? 'hang' : '503', endpoints: ['token'] })
}

/** The judge of access tokens that the current mode calls for. */
export const currentTokens = (
  current: () => Pick<AccessTokens, 'verify' | 'deny' | 'revokeIssued'>,
): Pick<AccessTokens, 'verify' | 'deny' | 'revokeIssued'> => ({
  verify: (token, binding) => current().verify(token, binding),
  deny: token => current().deny(token),
  revokeIssued: () => current().revokeIssued(),
})
