import { random } from '../kernel/encoding.ts'
import { AuthError } from '../kernel/errors.ts'
import type { Kernel } from '../kernel/feature.ts'
import { type Flow, toFlowPart } from '../kernel/flow-part.ts'
import type { FlowPart } from '../kernel/parts.ts'
import { browserWindows } from '../kernel/windows.ts'
import { type Begun, createBegin } from './authorization.ts'
import { objection } from './automatic.ts'
import { readCallback } from './callback.ts'
import { type Calls, createCalls } from './calls.ts'
import { createDeparture, superseded } from './departure.ts'
import { toLocalAddress } from './local-address.ts'
import { createMetadata, endpointOf } from './metadata.ts'
import { type Config, type Login, readLoginRequest, words } from './options.ts'
import { isPageOf, type Pages, readPages } from './pages.ts'
import { toParameters, withParameters } from './parameters.ts'
import { askInPopup } from './popup.ts'
import { type Credentials, createReturn } from './return.ts'
import { createSilent } from './silent.ts'
import { createTransactions } from './transaction.ts'

/** What `oauth` makes for one client. The client's endpoints, which are functions, find it in their context. */
export interface OAuthPart extends FlowPart, Calls {}

// Where to begin reading: a login begins in `start`, and comes back in return.ts. calls.ts sends its code, and answer.ts checks
// the answer.

export function createFlow(kernel: Kernel, config: Config): OAuthPart {
  const { environment } = kernel
  const windows = environment.windows ?? browserWindows
  const isInWindow = environment.page !== null && !environment.page.isWorker
  const pages: Pages = isInWindow
    ? readPages(config, windows.href())
    : { redirect: '', silent: '', afterLogout: '' }
  const metadata = createMetadata(kernel, config)
  const transactions = createTransactions(kernel, windows, config)
  const begin = createBegin(kernel, config, metadata)
  const departure = createDeparture(kernel, windows)
  const { resume, credentialsOf } = createReturn(kernel, windows, config, metadata, transactions)
  const isSilent = isInWindow && config.silent === 'iframe'
  const silently = isSilent ? createSilent(kernel, windows, config, metadata, begin, pages) : null
  /** Of the last session: a logout names it, also if the session has ended by itself. */
  let lastIdToken: string | undefined

  const toLocal = (address: string | URL): string => toLocalAddress(address, windows.href())

  /** The address of an old answer, as from a bookmark, is no page of the app: then the folder that it is in. */
  function pageToComeBackTo(here: string): string {
    const found = readCallback(here)
    const isOldAnswer = found?.isAnswer && isPageOf(found.page, pages.redirect)
    return isOldAnswer ? new URL('.', found.page).href : here
  }

  function start(request: unknown, { signal, isSignedOut: isMarked }: Parameters<FlowPart['start']>[1]) {
    if (!isInWindow) throw new AuthError('unsupported', 'A login at another server needs a page.')
    const asked = readLoginRequest(request, config, pageToComeBackTo(windows.href()), toLocal)
    if (!windows.hasCrypto()) {
      throw new AuthError('unsupported', 'A login needs Web Crypto, which browsers have on https pages only.')
    }
    // A tab that was told of a logout may not see the marker yet: what another tab stores can arrive later than its message.
    const { snapshot } = kernel.session
    const isSignedOut = isMarked || (snapshot.status === 'anonymous' && snapshot.reason === 'other-tab')
    // The server's own session would sign the user in again, although this browser was signed out.
    const usual = isSignedOut && config.isOpenId ? withForm(config.prompt) : config.prompt
    const login: Login = usual ? { prompt: usual, ...asked } : asked
    if (login.automatic) return unasked(login, signal)
    return login.popup ? inPopup(login, signal) : byRedirect(login, signal)
  }

  async function unasked(login: Login, signal: AbortSignal): Promise<never> {
    await kernel.restore.restored()
    const error = objection(kernel.session.snapshot, windows.href())
    if (error) throw error
    signal.throwIfAborted()
    return byRedirect(login, signal)
  }

  /** A login that a page of the app will complete. */
  async function beginOnPage(how: 'redirect' | 'popup', login: Login, signal: AbortSignal): Promise<Begun> {
    const begun = await begin(how, login, pages.redirect, signal)
    transactions.put(begun.state, begun.transaction)
    return begun
  }

  const byRedirect = (login: Login, signal: AbortSignal): Promise<never> =>
    departure.go('login', signal, async inner => (await beginOnPage('redirect', login, inner)).url)

  async function inPopup(login: Login, signal: AbortSignal): Promise<Credentials> {
    const begun = () => beginOnPage('popup', login, signal)
    return credentialsOf(await askInPopup(environment, windows, signal, begun))
  }

  /** Where the session at the server is ended; `undefined` where it is left alone. */
  async function endOfSession(): Promise<string | undefined> {
    if (!isInWindow || !config.endSession) return undefined
    return endpointOf(await metadata.get('logout'), 'end_session_endpoint')
  }

  async function leave(...[tokens, { signal, isReached }]: Parameters<Flow['leave']>): Promise<boolean> {
    const end = await endOfSession().catch(() => undefined)
    if (end === undefined || !environment.online()) return false
    try {
      // A server that is away would leave the user with an error page of the browser.
      if (!isReached) await metadata.reach(signal)
    } catch {
      return false
    }
    const state = random()
    const { afterLogout } = pages
    const parameters = toParameters({
      id_token_hint: tokens?.idToken ?? lastIdToken,
      client_id: config.clientId,
      post_logout_redirect_uri: afterLogout,
      state,
    })
    lastIdToken = undefined
    try {
      const returnTo = toLocal(afterLogout)
      transactions.put(state, { how: 'logout', at: environment.now(), returnTo, redirectUri: afterLogout })
    } catch {
      // Without a storage there is no marker either that the return would have to lift.
    }
    // Nobody waits for it. If the page stays, this browser is signed out all the same.
    departure.go('logout', null, async () => withParameters(end, parameters)).catch(() => {})
    return true
  }

  return toFlowPart(kernel, {
    start,
    resume,
    leave,
    renews: isSilent,
    // Where the app leaves the server's session alone, the hidden frame would still find it.
    hasSession: async () => isSilent || (isInWindow && config.endSession),
    ...createCalls(kernel, config, metadata, transactions, silently),
    changed(change) {
      if (change.type === 'commit') lastIdToken = kernel.session.held?.idToken
      const isLogout = change.type === 'clear' && change.wasSignedIn && change.why.reason !== 'rejected'
      // The server would sign the user in again.
      if (isLogout) departure.cancel(superseded())
    },
    woke({ type, persisted }) {
      if (type === 'pageshow' && persisted) departure.cancel()
    },
    dispose: departure.cancel,
  })
}

/** With the server's login form, which `none` would forbid. */
const withForm = (prompt: string | undefined): string =>
  [...new Set(['login', ...words(prompt)])].filter(word => word !== 'none').join(' ')
