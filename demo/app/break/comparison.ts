import { button, byId, create, setText, whileBusy } from '../dom.ts'
import { errorInWords } from '../words.ts'
import { contest } from './contest.ts'
import { EXPERIMENTS, type Experiment, type Result, type Results } from './experiments.ts'
import type { ContestantName } from './tab.ts'

const NAMES: Record<ContestantName, string> = {
  'silent-refresh': 'silent-refresh',
  ky: 'ky, by hand',
  axios: 'axios-auth-refresh',
}
const CLIENTS = Object.keys(NAMES) as ContestantName[]
const COLUMNS: Record<keyof Result, string> = {
  refreshes: 'Refreshes',
  requests: 'API calls',
  failed: 'Failed',
  signedOut: 'Signed out',
}
const FIELDS = Object.keys(COLUMNS) as (keyof Result)[]

interface Comparison {
  title: string
  run(): Promise<void>
}

/** One at a time: they are to disturb each other as little as possible. */
let turn = Promise.resolve()
const inTurn = (action: () => Promise<void>): Promise<void> => {
  turn = turn.then(action)
  return turn
}

// Built as soon as this is loaded, before the page knows who is signed in: nothing moves later.
const comparisons = [...document.querySelectorAll<HTMLElement>('[data-experiment]')].map(createComparison)

export function mountComparisons(): void {
  const all = button('compare-all')
  const status = byId('compare-status', HTMLElement)
  all.addEventListener('click', () =>
    whileBusy(all, async () => {
      for (const [index, comparison] of comparisons.entries()) {
        setText(status, `${index + 1} of ${comparisons.length}: ${comparison.title} …`)
        await comparison.run()
      }
      setText(status, `All ${comparisons.length} comparisons have run.`)
    }),
  )
}

function createComparison(host: HTMLElement): Comparison {
  const id = host.dataset.experiment ?? ''
  const experiment = EXPERIMENTS[id]
  if (!experiment) throw new Error(`There is no experiment “${id}”`)
  const title = host.closest('article')?.querySelector('h3')?.textContent ?? id
  const start = create(
    'button',
    { type: 'button', id: `compare-${id}`, ariaLabel: `Compare: ${title}` },
    'Compare',
  )
  const rounds = experiment.graces.map(grace => createRound(experiment, grace))
  host.append(
    create('div', { className: 'steps' }, start, create('p', { className: 'hint' }, experiment.steps)),
    create('div', { className: 'rounds' }, ...rounds.map(({ element }) => element)),
  )

  const run = () =>
    whileBusy(start, () =>
      inTurn(async () => {
        for (const round of rounds) round.clear()
        for (const round of rounds) await round.run()
      }),
    )
  start.addEventListener('click', run)
  return { title, run }
}

/** One table: the same steps for each client, against a server with this grace. */
function createRound(experiment: Experiment, grace: number) {
  const why = create('p', { className: 'why', role: 'status' }, 'Not run yet.')
  why.dataset.state = 'waiting'
  const rows = new Map(CLIENTS.map(client => [client, createRow(client)]))
  const table = create(
    'table',
    {},
    create('caption', {}, grace > 0 ? `Server with a grace of ${grace} s` : 'Server without a grace'),
    create('thead', {}, create('tr', {}, header('Client'), ...FIELDS.map(field => header(COLUMNS[field])))),
    create('tbody', {}, ...[...rows.values()].map(({ row }) => row)),
  )

  function tell(words: string, state: 'waiting' | 'done' = 'done'): void {
    why.dataset.state = state
    setText(why, words)
  }

  function clear(): void {
    for (const row of rows.values()) row.show(null)
    tell('Waits for its turn.', 'waiting')
  }

  async function run(): Promise<void> {
    table.ariaBusy = 'true'
    const results: Partial<Results> = {}
    try {
      for (const client of CLIENTS) {
        tell(`${NAMES[client]} is running …`, 'waiting')
        results[client] = await contest(client, experiment, grace)
        rows.get(client)!.show(results[client], experiment.tabs)
      }
      const reasons = experiment.why(results as Results, grace)
      tell(reasons.filter(Boolean).join(' '))
    } catch (error) {
      tell(`This did not come to its end: ${errorInWords(error)}.`)
    }
    table.ariaBusy = null
  }

  return { element: create('div', { className: 'round' }, table, why), clear, run }
}

function header(text: string): HTMLElement {
  return create('th', { scope: 'col' }, text)
}

function createRow(client: ContestantName) {
  const cells = FIELDS.map(() => create('td', {}, '–'))
  const row = create('tr', {}, create('th', { scope: 'row' }, NAMES[client]), ...cells)
  row.dataset.client = client

  function show(result: Result | null, tabs = 0): void {
    for (const [index, field] of FIELDS.entries()) {
      const cell = cells[index]!
      setText(cell, result ? String(result[field]) : '–')
      if (field === 'signedOut' && result && tabs > 1) setText(cell, `${result[field]} of ${tabs}`)
      const isBad = result !== null && (field === 'failed' || field === 'signedOut') && result[field] > 0
      cell.dataset.outcome = isBad ? 'bad' : ''
    }
  }

  return { row, show }
}
