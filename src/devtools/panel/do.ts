import { kernelOf } from '../../kernel/registry.ts'
import { expireToken, forgetMemory } from '../actions.ts'
import { button, h, setText } from '../dom.ts'
import { type Fault, faults } from '../faults.ts'
import type { Client } from '../record.ts'
import type { View } from './view.ts'

const WITHOUT =
  'These need "devtoolsFetch", and no request has gone through it yet. Give it to the client in development: createAuthClient({ fetch: devtoolsFetch }).'
const WITH =
  'These change what the client gets from the network. The server does not see a request that fails here.'

/** The tab "Do": each button does what can happen to a session. */
export function createDo(auth: Client): View {
  const result = h('p', { class: 'result', role: 'status' })
  const explanation = h('p', { class: 'hint', id: 'network-hint' })

  async function run(name: string, act: () => unknown): Promise<void> {
    setText(result, `${name} …`)
    try {
      const words = await act()
      setText(result, typeof words === 'string' ? words : `${name}: done.`)
    } catch (error) {
      setText(result, `${name}: ${error instanceof Error ? error.message : String(error)}`)
    }
  }

  const row = (label: string, hint: string, act: () => unknown) =>
    h(
      'div',
      { class: 'row' },
      button(label, () => void run(label, act)),
      h('p', { class: 'hint' }, hint),
    )

  const failures = (
    [
      ['network', 'no answer comes'],
      ['401', 'the session is over'],
      ['500', 'the server is in trouble'],
    ] as const satisfies readonly (readonly [Fault, string])[]
  ).map(([fault, meaning]) =>
    button(fault === 'network' ? 'Network error' : fault, () => setFault(fault), {
      'aria-pressed': 'false',
      title: meaning,
      'data-fault': fault,
    }),
  )
  const reject = button('Answer the next request with 401', () => toggleReject(), { 'aria-pressed': 'false' })
  const offline = button('Offline', () => toggleOffline(), { 'aria-pressed': 'false' })
  const network = h(
    'fieldset',
    { 'aria-describedby': 'network-hint' },
    h('legend', {}, 'Network'),
    explanation,
    h('div', { class: 'bar' }, h('span', {}, 'Fail the next refresh:'), ...failures),
    h('div', { class: 'bar' }, reject, offline),
  )

  function setFault(fault: Fault): void {
    faults.nextRefresh = faults.nextRefresh === fault ? null : fault
    setText(
      result,
      faults.nextRefresh ? `The next refresh fails: ${fault}.` : 'The next refresh does not fail.',
    )
    update()
  }

  function toggleReject(): void {
    faults.rejectsNext = !faults.rejectsNext
    setText(
      result,
      faults.rejectsNext
        ? 'The next request with a token is answered with 401.'
        : 'No request is answered here.',
    )
    update()
  }

  function toggleOffline(): void {
    faults.isOffline = !faults.isOffline
    setText(result, faults.isOffline ? 'Offline: no request gets an answer.' : 'Online again.')
    // What a browser reports: back online, the client does not wait for the end of its backoff.
    dispatchEvent(new Event(faults.isOffline ? 'offline' : 'online'))
    update()
  }

  function update(): void {
    const { isUsed, isOffline, nextRefresh, rejectsNext } = faults
    setText(explanation, isUsed ? WITH : WITHOUT)
    for (const one of [...failures, reject, offline]) one.disabled = !isUsed
    for (const one of failures) one.setAttribute('aria-pressed', String(one.dataset.fault === nextRefresh))
    reject.setAttribute('aria-pressed', String(rejectsNext))
    offline.setAttribute('aria-pressed', String(isOffline))
  }

  const reach = kernelOf(auth)?.tabs
    ? 'here and in all tabs'
    : 'in this tab, which shares its session with no other'
  const element = h(
    'div',
    {},
    result,
    row('Refresh now', 'Asks for a new token, as "auth.refresh()" does.', async () => {
      await auth.refresh()
      return 'Refreshed.'
    }),
    row('Expire the token', 'The next request waits for a refresh, as after a long sleep.', () =>
      expireToken(auth),
    ),
    row(
      'Forget the memory',
      'Forgets all tokens in memory and restores the session, as after a reload.',
      () => forgetMemory(auth),
    ),
    row('Log out', `Signs the user out ${reach}, and then at the server.`, async () => {
      const { revoked, error } = await auth.logout()
      return revoked
        ? 'Signed out, and the server has confirmed it.'
        : `Signed out here. ${error?.message ?? ''}`
    }),
    network,
  )
  return { name: 'Do', element, update }
}
