import { isAuthError } from 'silent-refresh'
import { choices, hrefOf } from './choices.ts'
import { button, byId, create, setText, whileBusy } from './dom.ts'
import { attempt, expectOk, onPress, Unsuccessful } from './press.ts'
import { api, type FaultState, readFaults, setFaults } from './server.ts'
import { signedIn } from './signed-in.ts'
import type { Auth } from './types.ts'
import { authErrorInWords, clock, plural } from './words.ts'

const MANY = 10

const guide = byId('guide', HTMLOListElement)
const away = button('offline')
const secondTab = byId('second-tab', HTMLAnchorElement)

/** The five steps: each has its own buttons, and is ticked off when its effect was seen. */
export function mountSteps(auth: Auth): void {
  onPress('logout', 'login-result', async () => {
    const { revoked, error } = await auth.logout()
    if (revoked) return 'Signed out in all tabs, and the server has confirmed it.'
    return `Signed out here, but not on the server${error ? ` (${authErrorInWords(error)})` : ''}.`
  })
  button('reload').addEventListener('click', () => location.reload())

  onPress('refresh', 'refresh-result', async () => {
    const { expiresAt } = await auth.refresh()
    return expiresAt === null ? 'A new token.' : `A new token, good until ${clock(expiresAt)}.`
  })

  onPress('revoke-mine', 'replay-result', async () => {
    signedIn(auth)
    await expectOk(await auth.fetch(api.revoke, { method: 'POST' }))
    return 'The server refuses this token now. The page does not know that yet: send ten requests.'
  })
  onPress('ten', 'replay-result', () => sendTen(auth))

  secondTab.href = hrefOf({ tabs: choices.tabs })
  secondTab.addEventListener('click', () => done('tabs'))

  away.addEventListener('click', () => void whileBusy(away, () => attempt('outage-result', toggleServer)))
  onPress('send-one', 'outage-result', async () => {
    const response = await expectOk(await auth.fetch(api.items))
    return `GET api/items was answered with ${response.status}.`
  })

  auth.on('login', () => done('login'))
  auth.on('refresh', () => done('refresh'))
  auth.on('refreshError', () => done('outage'))
  auth.on('log', event => {
    if (event.type === 'replay') done('replay')
    // Another tab has handed its token over.
    if ('cause' in event && event.cause === 'other-tab') done('tabs')
  })
  if (auth.session.status === 'authenticated') done('login')
}

function done(step: string): void {
  const item = guide.querySelector<HTMLElement>(`[data-step="${step}"]`)
  if (!item || item.dataset.done) return
  item.dataset.done = 'yes'
  item.querySelector('h3')?.append(create('span', { className: 'unseen' }, ' Done.'))
}

async function sendTen(auth: Auth): Promise<string> {
  let refreshes = 0
  let replays = 0
  const stop = auth.on('log', ({ type }) => {
    if (type === 'refreshed') refreshes++
    if (type === 'replay') replays++
  })
  const settled = await Promise.allSettled(Array.from({ length: MANY }, () => auth.fetch(api.items)))
  stop()
  const tally = new Map<string, number>()
  for (const one of settled) tally.set(outcomeOf(one), (tally.get(outcomeOf(one)) ?? 0) + 1)
  const words = [...tally].map(([outcome, count]) => `${count} × ${outcome}`).join(', ')
  const again =
    replays > 0 ? `, after ${plural(refreshes, 'refresh', 'refreshes')} and ${replays} sent again` : ''
  if (tally.get('200') === MANY) return `${words}${again}.`
  throw new Unsuccessful(`${words}${again}.`)
}

function outcomeOf(settled: PromiseSettledResult<Response>): string {
  if (settled.status === 'fulfilled') return `${settled.value.status}`
  return isAuthError(settled.reason) ? settled.reason.code : 'no answer'
}

async function toggleServer(): Promise<string> {
  const state = await readFaults()
  await setFaults({ ...state, offline: !state.offline })
  return state.offline
    ? 'The server is back.'
    : 'The server answers nobody, in all tabs. Send a request, or wait for the next refresh.'
}

/** Shows the state of the server, because another tab may have taken it away. */
export function showAway({ offline }: FaultState): void {
  setText(away, offline ? 'Bring the server back' : 'Take the server away')
  away.classList.toggle('main', offline)
  document.body.dataset.server = offline ? 'away' : 'here'
}
