import { type AuthClient, type AuthClientOptions, createAuthClient, isAuthError } from 'silent-refresh'

declare global {
  interface Window {
    auth: AuthClient<Record<string, unknown>, { email: string }>
    /** Every event of the client, as [name, detail]. */
    seen: [name: string, detail: unknown][]
    isAuthError: typeof isAuthError
  }
}

/** The page under test: one client over the built package, with options from the address. */
const options: AuthClientOptions<Record<string, unknown>> = {
  endpoints: { login: '/auth/login', refresh: '/auth/refresh_token', logout: '/auth/logout' },
  ...JSON.parse(new URLSearchParams(location.search).get('options') ?? '{}'),
}
window.isAuthError = isAuthError
window.seen = []
window.auth = createAuthClient(options)
for (const name of ['login', 'logout', 'refresh', 'refreshError', 'userChange'] as const) {
  window.auth.on(name, detail => window.seen.push([name, JSON.parse(JSON.stringify(detail))]))
}
