import { button, byId, input, setText } from './dom.ts'
import * as server from './server.ts'
import { plural } from './words.ts'

const result = byId('server-result', HTMLElement)
const panel = byId('server', HTMLElement)
const faults = byId('faults', HTMLFieldSetElement)
const refreshFault = byId('refresh-fault', HTMLSelectElement)
const apiFault = byId('api-fault', HTMLSelectElement)
const count = input('fault-count')
const settings = byId('settings', HTMLFieldSetElement)
const accessTtl = input('access-ttl')
const grace = input('grace')

let turn = Promise.resolve()
const asked = new Map<HTMLElement, Promise<void>>()

export function mountFaults(): void {
  onAsk('revoke-access', async () => {
    await server.revokeAccess()
    return 'Every access token issued so far is refused from now on.'
  })
  onAsk('revoke-all', async () => {
    await server.revokeAll()
    return 'Every session is ended on the server.'
  })
  onAsk('rotate-key', async () => {
    await server.rotateKey()
    return 'New tokens are signed with a new key, and older ones are refused.'
  })
  onAsk('read-server-log', async () => {
    const [log, state, config] = await Promise.all([
      server.readLog(),
      server.readFaults(),
      server.readConfig(),
    ])
    showLog(log)
    showFaults(state)
    showSettings(config)
    return 'Asked just now.'
  })

  onChange(faults, async () => {
    const times = count.value === '' ? null : Number(count.value)
    const chosen = { refresh: refreshFault.value, api: apiFault.value, count: times }
    return inWords(await server.setFaults(chosen))
  })
  onChange(settings, async () => {
    const config = await server.changeConfig({
      ...(accessTtl.value && { accessTtl: Number(accessTtl.value) }),
      ...(grace.value && { grace: Number(grace.value) }),
    })
    return `From the next token on: ${config.accessTtl} s of life, ${config.grace} s of grace.`
  })

  ask(panel, async () => {
    const [state, config] = await Promise.all([server.readFaults(), server.readConfig()])
    // Whoever has chosen by now is not overruled.
    if (!asked.has(faults)) showFaults(state)
    if (!asked.has(settings)) showSettings(config)
    return inWords(state)
  })
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

function onAsk(id: string, action: () => Promise<string>): void {
  button(id).addEventListener('click', () => ask(button(id), action))
}

function onChange(fields: HTMLElement, action: () => Promise<string>): void {
  fields.addEventListener('change', () => ask(fields, action))
}

function showFaults(state: server.FaultState): void {
  refreshFault.value = state.refresh
  apiFault.value = state.api
  count.value = state.count === null ? '' : String(state.count)
}

function showSettings(config: server.Config): void {
  accessTtl.value = String(config.accessTtl)
  grace.value = String(config.grace)
}

function inWords({ refresh, api, count }: server.FaultState): string {
  if (refresh === 'none' && api === 'none') return 'The server answers as it should.'
  const which = [
    refresh === 'none' ? '' : `refreshes (${refresh})`,
    api === 'none' ? '' : `API calls (${api})`,
  ]
  const what = which.filter(Boolean).join(' and ')
  return count === null ? `From now on ${what} fail.` : `The next ${plural(count, 'request')} fail: ${what}.`
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
