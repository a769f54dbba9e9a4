import axe from 'axe-core'
import { type AuthClient, createAuthClient, shareTabs } from 'silent-refresh/core'
import { devtoolsFetch, mountDevtools, openReport } from 'silent-refresh/devtools'

declare global {
  interface Window {
    mountDevtools: typeof mountDevtools
    openReport: typeof openReport
    unmount(): void
    closeReport(): void
    client: AuthClient
    isBack?: boolean
    axe: typeof axe
  }
}

/** A client with the devtools, as an app has it in development: with `devtoolsFetch`, or without it. */
window.uncaught = []
window.addEventListener('error', event => window.uncaught.push(String(event.message)))
window.addEventListener('unhandledrejection', event => window.uncaught.push(String(event.reason)))
document.addEventListener('securitypolicyviolation', ({ effectiveDirective, blockedURI }) => {
  window.uncaught.push(`${effectiveDirective} ${blockedURI}`)
})
const main = document.createElement('main')
main.append(Object.assign(document.createElement('h1'), { textContent: 'An app' }))
document.body.append(main)
document.documentElement.lang = 'en'

const { bare = false } = JSON.parse(new URLSearchParams(location.search).get('options') ?? '{}')
const auth = createAuthClient<Record<string, unknown>, { email: string }>({
  tabs: shareTabs(),
  sessionKey: 'devtools',
  endpoints: { login: '/auth/login', refresh: '/auth/refresh_token', logout: '/auth/logout' },
  ...(!bare && { fetch: devtoolsFetch }),
})
window.axe = axe
window.mountDevtools = mountDevtools
window.openReport = openReport
window.client = auth
window.unmount = mountDevtools(auth)
window.auth = auth as Window['auth']
