import {
  type AuthClient,
  type AuthClientOptions,
  cookieMode,
  createAuthClient,
  doubleSubmit,
  idleTimeout,
  isAuthError,
  performanceLogger,
  shareTabs,
  webStorage,
} from 'silent-refresh'
import { findFragments } from './find-fragments.ts'

declare global {
  interface Window {
    auth: AuthClient<Record<string, unknown>, { email: string }>
    /** One more client of the same session in this document, as hot reload and a second bundle make one. */
    another(): Window['auth']
    /** Every event of the client, as [name, detail]. */
    seen: [name: string, detail: unknown][]
    /** Every `pageshow`: did the page come out of the bfcache, and what did the client say at that moment? */
    shown: { persisted: boolean; status: string }[]
    /** Uncaught errors and rejections, and what the page's policy forbade, in every engine. */
    uncaught: string[]
    /** Does the work when a message says so, the same one to all tabs; `outcome` is what came of it. */
    onGo(work: () => unknown): void
    /** Has the page heard a message on that channel? Then it hears the next one as well. */
    isReadyToGo: boolean
    outcome: Promise<unknown>
    isAuthError: typeof isAuthError
    findFragments: typeof findFragments
  }
}

window.seen = []
window.shown = []
window.uncaught = []
window.addEventListener('error', event => window.uncaught.push(String(event.message)))
window.addEventListener('unhandledrejection', event => window.uncaught.push(String(event.reason)))
document.addEventListener('securitypolicyviolation', ({ effectiveDirective, blockedURI }) => {
  window.uncaught.push(`${effectiveDirective} ${blockedURI}`)
})

/**
 * The page under test: one client over the built package, with options from the address. Of those that bring code the
 * address has what their functions take.
 */
const { tabs, storage, csrf, idle, mode, measures, patient, ...given } = JSON.parse(
  new URLSearchParams(location.search).get('options') ?? '{}',
)
const options: AuthClientOptions<Record<string, unknown>> = {
  endpoints: { login: '/auth/login', refresh: '/auth/refresh_token', logout: '/auth/logout' },
  ...(tabs !== undefined && { tabs: tabs && shareTabs(tabs) }),
  // By its name.
  ...(storage && { storage: webStorage(() => window[storage as 'sessionStorage']) }),
  ...(csrf && { csrf: doubleSubmit(csrf) }),
  ...(idle && { idle: idleTimeout(...(idle as Parameters<typeof idleTimeout>)) }),
  ...(mode === 'cookie' && { mode: cookieMode() }),
  ...(measures && { logger: performanceLogger() }),
  ...given,
}
// The client waits a second for what another tab has to say, and then goes on by itself. How much of it a busy machine
// uses up is chance: a test of what the tabs tell each other gives them nine.
if (patient) {
  const { setTimeout } = window
  const stretched = (work: () => void, ms?: number) => setTimeout(work, ms === 1_000 ? 9_000 : ms)
  window.setTimeout = stretched as typeof setTimeout
}
window.isAuthError = isAuthError
window.findFragments = findFragments
window.another = () => {
  const auth: Window['auth'] = createAuthClient(options)
  for (const name of ['login', 'logout', 'refresh', 'refreshError', 'userChange', 'idleWarning'] as const) {
    auth.on(name, detail => window.seen.push([name, JSON.parse(JSON.stringify(detail))]))
  }
  return auth
}
window.auth = window.another()
// After the client's own listener: what this hears is what the app would see.
window.addEventListener('pageshow', ({ persisted }) => {
  window.shown.push({ persisted, status: window.auth.session.status })
})
window.onGo = work => {
  window.isReadyToGo = false
  window.outcome = new Promise(resolve => {
    const channel = new BroadcastChannel('go')
    channel.onmessage = ({ data }) => {
      window.isReadyToGo = true
      if (data !== 'go') return
      channel.close()
      resolve(work())
    }
  })
}
