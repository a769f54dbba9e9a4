import { button, byId, input, setText } from '../dom.ts'
import * as server from '../server.ts'
import { plural } from '../words.ts'

const result = byId('server-result', HTMLElement)
const panel = byId('server', HTMLElement)
const faults = byId('faults', HTMLFieldSetElement)
const refreshFault = byId('refresh-fault', HTMLSelectElement)
const apiFault = byId('api-fault', HTMLSelectElement)
const count = input('fault-count')

let shown: server.FaultState | null = null
let turn = Promise.resolve()
const asked = new Map<HTMLElement, Promise<void>>()

/** What goes wrong on the server, as it is told to. */
export function mountServerFaults(): void {
  button('read-server-log').addEventListener('click', () =>
    ask(button('read-server-log'), async () => {
      const [log, state] = await Promise.all([server.readLog(), server.readFaults()])
      showLog(log)
      show(state)
      return 'Asked just now.'
    }),
  )

  faults.addEventListener('change', () => ask(faults, change))
  ask(panel, () => readBack())
}

async function change(): Promise<string> {
  const choice = asked.get(faults)
  await server.setFaults({
    refresh: refreshFault.value,
    api: apiFault.value,
    offline: shown?.offline ?? false,
    count: count.value === '' ? null : Number(count.value),
  })
  // Some of it may have been spent on the way here.
  return readBack(choice)
}

async function readBack(choice = asked.get(faults)): Promise<string> {
  const state = await server.readFaults()
  // Another choice that the user made meanwhile stays.
  if (asked.get(faults) === choice) show(state)
  return inWords(state)
}

/** Shows the faults of the server, because another tab may have chosen, and a fault that is counted gets used up. */
export function showFaults(state: server.FaultState): void {
  if (faults.ariaBusy === 'true') return
  const words = inWords(state)
  if (shown && inWords(shown) !== words) setText(result, words)
  show(state)
}

/** One after the other, so that what was asked last is also done and shown last. */
function ask(element: HTMLElement, action: () => Promise<string>): void {
  const mine = turn.then(async () => {
    setText(result, await action().catch(failureInWords))
    if (asked.get(element) === mine) element.ariaBusy = null
  })
  turn = mine
  asked.set(element, mine)
  element.ariaBusy = 'true'
}

const failureInWords = (error: Error): string =>
  error instanceof TypeError ? 'The server could not be reached.' : `${error.message}.`

function show(state: server.FaultState): void {
  // The browser was online all the time, so it does not dispatch the event itself.
  if (shown?.offline && !state.offline) window.dispatchEvent(new Event('online'))
  shown = state
  refreshFault.value = state.refresh
  apiFault.value = state.api
  count.value = state.count === null ? '' : String(state.count)
}

const WELL = 'The server answers as it should.'

function inWords({ refresh, api, offline, count }: server.FaultState): string {
  if (offline) return 'The server is away: no call gets an answer until you bring it back.'
  if (refresh === 'none' && api === 'none') return WELL
  const which = [
    refresh === 'none' ? '' : `refreshes (${refresh})`,
    api === 'none' ? '' : `API calls (${api})`,
  ]
  const what = which.filter(Boolean).join(' and ')
  if (count === null) return `From now on ${what} fail.`
  return count === 1 ? `The next request fails: ${what}.` : `The next ${count} requests fail: ${what}.`
}

/** `refreshes` is for tests, the words are for people. */
function showLog(log: server.LogEntry[]): void {
  const output = byId('server-log', HTMLElement)
  const refreshes = log.filter(({ path }) => path === '/auth/refresh_token')
  const notes = new Map<string, number>()
  for (const { note } of refreshes) notes.set(note, (notes.get(note) ?? 0) + 1)
  const kinds = [...notes].map(([note, times]) => `${times} ${note || 'under way'}`).join(', ')
  output.dataset.refreshes = String(refreshes.length)
  setText(
    output,
    `${plural(refreshes.length, 'refresh', 'refreshes')}` +
      `${kinds && ` (${kinds})`} among the last ${plural(log.length, 'request')}`,
  )
}
