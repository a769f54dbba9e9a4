import { createAuthClient, isAuthError, type LogEvent, webStorage } from 'silent-refresh'
import { type OAuthOptions, oauth, par } from 'silent-refresh/oauth'
import { findFragments } from './find-fragments.ts'

export interface OAuthPageOptions {
  oauth?: Partial<OAuthOptions>
  /** By its name. */
  storage?: 'sessionStorage' | 'localStorage'
  /** Push the authorization request (RFC 9126). */
  par?: boolean
  /** When the page's router is created. Default `after`. */
  router?: 'before' | 'after'
  /** Two clients in the page, as hot reload and a second bundle make them. */
  twice?: boolean
  /** What `document.hasFocus()` says, where a browser without a screen cannot know. */
  focus?: boolean
  /** Requests that are made as soon as there is a client. */
  requests?: number
  [option: string]: unknown
}

declare global {
  interface Window {
    second?: Window['auth']
    /** The address of the page right after the client was created. */
    firstAddress: string
    /** The addresses that the page's router was told, the first one included. */
    routed: string[]
    /** What the requests of the page's start were answered. */
    answers: Promise<unknown[]>
    /** Codes of logins that were refused to the caller. */
    refusals: string[]
    /** Every log event and error that the app was given. */
    logged: unknown[]
  }
}

window.seen = []
window.uncaught = []
window.routed = []
window.refusals = []
window.logged = []
window.addEventListener('error', event => window.uncaught.push(String(event.message)))
window.addEventListener('unhandledrejection', event => window.uncaught.push(String(event.reason)))
window.isAuthError = isAuthError
window.findFragments = findFragments

const {
  oauth: given,
  storage,
  par: pushes,
  router,
  twice,
  focus,
  requests = 0,
  ...options
}: OAuthPageOptions = JSON.parse(document.querySelector('#options')?.textContent ?? '{}')

if (focus !== undefined) document.hasFocus = () => focus

const route = () => window.routed.push(location.pathname + location.search + location.hash)
if (router === 'before') route()

window.another = () => {
  const auth: Window['auth'] = createAuthClient({
    ...oauth({
      ...(given as OAuthOptions),
      ...(pushes && { prepare: par }),
      ...(router === 'before' && {
        navigate: (address: string) => {
          history.replaceState(null, '', address)
          route()
        },
      }),
    }),
    ...(storage && { storage: webStorage(() => window[storage]) }),
    logger: (event: LogEvent) => window.logged.push(event),
    ...options,
  })
  for (const name of ['login', 'loginError', 'logout', 'refresh', 'refreshError', 'userChange'] as const) {
    auth.on(name, detail => {
      window.logged.push(detail)
      window.seen.push([name, JSON.parse(JSON.stringify(detail))])
    })
  }
  return auth
}
window.auth = window.another()
window.firstAddress = location.href
if (twice) window.second = window.another()
if (router !== 'before') route()

window.answers = Promise.all(
  Array.from({ length: requests }, () =>
    window.auth.fetch('/api/items').then(
      response => response.json(),
      error => error.code,
    ),
  ),
)

for (const [id, request] of [
  ['redirect', {}],
  ['popup', { popup: true }],
] as const) {
  document.querySelector(`#${id}`)?.addEventListener('click', () => {
    window.auth.login(request).then(
      () => {},
      error => {
        window.logged.push(error)
        window.refusals.push(error.code)
      },
    )
  })
}
