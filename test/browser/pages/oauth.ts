import { createAuthClient, isAuthError, type LogEvent, webStorage } from 'silent-refresh'
import { type OAuthOptions, oauth, par } from 'silent-refresh/oauth'
import { findFragments } from './find-fragments.ts'
import { record } from './record.ts'

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
  /** The client looks ten times as often whether the popup is closed. */
  hurry?: boolean
  /** A popup that no click asks for, as the page loads; by redirect where the browser blocks it. */
  popupAtLoad?: boolean
  /** Tell the test's server each secret that the client sends or is given. */
  spies?: boolean
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
    /** How often it was looked whether the page has the focus. */
    looks: number
    /** Gives up the login in the popup. */
    controller: AbortController
    /** Codes of logins that were refused to the caller. */
    refusals: string[]
    /** Every log event and error that the app was given. */
    logged: unknown[]
  }
}

// That the script runs. It may be fetched where it does not run.
void fetch('/started')

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
  popupAtLoad,
  hurry,
  spies,
  requests = 0,
  ...options
}: OAuthPageOptions = JSON.parse(document.querySelector('#options')?.textContent ?? '{}')

if (hurry) {
  const { setTimeout } = window
  const hurried = (work: () => void, ms?: number) => setTimeout(work, ms === 500 ? 50 : ms)
  window.setTimeout = hurried as typeof setTimeout
}
window.looks = 0
window.controller = new AbortController()
const hasFocus = document.hasFocus.bind(document)
document.hasFocus = () => {
  window.looks++
  return focus ?? hasFocus()
}

async function spiedFetch(input: RequestInfo | URL, init?: RequestInit): Promise<Response> {
  const response = await fetch(input, init)
  if (String(input).endsWith('/token')) {
    const body = JSON.stringify([String(init?.body), await response.clone().text()])
    await fetch('/secrets', { method: 'POST', body })
  }
  return response
}

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
    ...(spies && { fetch: spiedFetch }),
    ...(storage && { storage: webStorage(() => window[storage]) }),
    logger: (event: LogEvent) => window.logged.push(event),
    ...options,
  })
  record(auth)
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

function refused(error: { code?: string; name: string }): void {
  window.logged.push(error)
  // A DOMException has a code too.
  window.refusals.push(isAuthError(error) ? error.code : error.name)
}
const onClick = (id: string, work: () => void) =>
  document.querySelector(`#${id}`)?.addEventListener('click', work)
onClick('redirect', () => void window.auth.login().catch(refused))
onClick('popup', () => {
  const { signal } = window.controller
  window.auth.login({ popup: true }, { signal }).catch(refused)
})
if (popupAtLoad) {
  window.auth.login({ popup: true }).catch(error => {
    sessionStorage.setItem('refusal', error.code)
    return window.auth.login()
  })
}
