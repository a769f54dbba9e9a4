import { choices, hrefOf } from './choices.ts'
import { button, byId, input, onSubmit, setText } from './dom.ts'
import { type Config, changeConfig, type Mode, type ServerState } from './server.ts'
import type { Auth } from './types.ts'
import { errorInWords } from './words.ts'

const MODES: Record<Mode, string> = {
  bearer:
    'The access token in memory, the refresh token in a cookie that no script can read: what the docs recommend.',
  cookie: 'Both tokens in cookies that no script can read, with a CSRF value beside them.',
  body: 'JavaScript holds both tokens. The refresh token is stored in sessionStorage. One tab refreshes for all.',
  sliding: 'No refresh token: an access token that is still good buys the next one.',
  oauth:
    'Users log in at an authorization server. Both tokens in memory; a hidden frame asks there after a reload.',
}

const BOUND = ' All tokens are bound to a key of this browser, which signs each request (DPoP).'

const result = byId('setup-result', HTMLElement)
const mode = byId('mode', HTMLSelectElement)
const modeDetail = byId('mode-detail', HTMLElement)
const tabs = byId('tabs', HTMLSelectElement)
const accessTtl = input('access-ttl')
const grace = input('grace')

/** `running` is the mode that this page was loaded for. */
export function mountSetup(auth: Auth, { mode: running, provider, dpop }: Config): void {
  if (provider) mode.append(new Option('oauth'))
  // Where no script holds the access token, none can make a proof for it.
  if (dpop) mode.querySelector('[value="cookie"]')?.remove()
  const explain = () => setText(modeDetail, MODES[mode.value as Mode] + (dpop ? BOUND : ''))
  mode.value = running
  tabs.value = choices.tabs
  mode.addEventListener('change', explain)
  explain()
  if (choices.switched === running) {
    setText(
      result,
      `The server is in ${running} mode now, and the sessions of the mode before are over. Log in again.`,
    )
  }

  onSubmit(byId('setup-form', HTMLFormElement), button('apply'), async () => {
    const wanted = mode.value as Mode
    const seconds = { accessTtl: Number(accessTtl.value), grace: Number(grace.value) }
    setText(result, 'Asking the server.')
    // What its cookies hold is of no use to the next mode.
    if (wanted !== running) await auth.logout()
    try {
      await changeConfig({ mode: wanted, ...seconds })
    } catch (error) {
      setText(result, `The server has changed nothing: ${errorInWords(error)}.`)
      return
    }
    if (wanted !== running) reloadFor(wanted)
    else if (tabs.value !== choices.tabs) location.assign(hrefOf({ tabs: chosenTabs() }))
    else
      setText(result, `From the next token on: ${seconds.accessTtl} s of life, ${seconds.grace} s of grace.`)
  })
}

/** Shows the settings of the server, now and after each change from this page or another. */
export function showServer(server: ServerState, running: Mode): void {
  if (server.mode !== running) reloadFor(server.mode)
  accessTtl.value = String(server.accessTtl)
  grace.value = String(server.grace)
}

const chosenTabs = () => (tabs.value === 'notify' ? 'notify' : 'share')

/** A client is made for one mode: a page for another one begins anew. */
const reloadFor = (switched: Mode): void => location.replace(hrefOf({ tabs: chosenTabs(), switched }))
