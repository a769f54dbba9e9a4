import { button, byId, create, setText, whileBusy } from '../dom.ts'
import { errorInWords, plural } from '../words.ts'
import { contest } from './contest.ts'
import { EXPERIMENTS, type Experiment, NOTHING, type Result, type Results } from './experiments.ts'
import { createProgress } from './progress.ts'
import { CLIENTS, gainsOf, NAMES, type Outcome, summaryOf, winnersOf } from './verdicts.ts'

/** One row: an experiment, against a server with this grace. */
interface Round {
  readonly row: HTMLTableRowElement
  readonly name: string
  /** Seconds that each client takes, idle. */
  readonly takes: number
  clear(): void
  /** `hears`: called after each client. `null`: it did not come to its end. */
  run(hears: () => void): Promise<Outcome | null>
}

/** The same situations for three clients, in one table that fills while they run. */
export function mountComparison(): void {
  const status = byId('compare-status', HTMLElement)
  const summary = byId('compare-summary', HTMLElement)
  const progress = createProgress(
    byId('compare-progress', HTMLProgressElement),
    byId('compare-left', HTMLElement),
  )
  const all = button('compare-all')
  const rounds = Object.entries(EXPERIMENTS).flatMap(([id, experiment]) =>
    experiment.graces.map(grace => createRound(id, experiment, grace, round => start([round]))),
  )
  const heads = ['Situation', ...CLIENTS.map(client => NAMES[client]), 'What was seen']
  const table = byId('comparison', HTMLTableElement)
  table.createTHead().append(create('tr', {}, ...heads.map(head => create('th', { scope: 'col' }, head))))
  table.createTBody().append(...rounds.map(({ row }) => row))
  all.addEventListener('click', () => void whileBusy(all, () => start(rounds)))

  let turn = Promise.resolve()
  /** One after the other: they are to disturb each other as little as possible. */
  function start(wanted: readonly Round[]): Promise<void> {
    for (const round of wanted) round.clear()
    turn = turn.then(() => runAll(wanted))
    return turn
  }

  async function runAll(wanted: readonly Round[]): Promise<void> {
    table.ariaBusy = 'true'
    setText(summary, '')
    progress.begin(wanted.flatMap(({ takes }) => CLIENTS.map(() => takes)))
    const seen: Outcome[] = []
    for (const [index, round] of wanted.entries()) {
      setText(status, `${index + 1} of ${wanted.length}: ${round.name}.`)
      const results = await round.run(progress.step)
      if (results) seen.push(results)
    }
    progress.end()
    const missing = wanted.length - seen.length
    setText(
      status,
      missing === 0
        ? `Done: ${plural(seen.length, 'row')}.`
        : `${plural(missing, 'row')} did not come to an end.`,
    )
    if (seen.length > 1) setText(summary, summaryOf(seen))
    table.ariaBusy = null
  }
}

function createRound(
  id: string,
  experiment: Experiment,
  grace: number,
  start: (round: Round) => Promise<void>,
): Round {
  const { title, steps, calls, tabs, takes, graces } = experiment
  const unavoidable = experiment.unavoidable?.(grace) ?? NOTHING
  const name = graces.length > 1 ? `${title}, ${grace > 0 ? 'with grace' : 'without grace'}` : title
  const once = create(
    'button',
    { type: 'button', className: 'plain', ariaLabel: `Compare: ${name}` },
    'Compare',
  )
  once.id = `compare-${id}${grace > 0 ? '' : '-strict'}`
  const seen = create('td', { className: 'seen' })
  const cells = CLIENTS.map(client => {
    const cell = create('td', {}, '–')
    cell.dataset.client = client
    cell.dataset.label = NAMES[client]
    return cell
  })
  const head = create(
    'th',
    { scope: 'row' },
    once,
    create('b', {}, name),
    create('span', { className: 'hint' }, steps),
  )
  const row = create('tr', {}, head, ...cells, seen)
  Object.assign(row.dataset, { experiment: id, grace: String(grace), state: 'waiting' })

  function show(cell: HTMLElement, result: Result): void {
    const isOut = result.signedOut > 0
    const out = tabs > 1 ? `${result.signedOut} of ${tabs} tabs signed out` : 'signed out'
    cell.replaceChildren(
      create('b', {}, plural(result.refreshes, 'refresh', 'refreshes')),
      create('span', {}, plural(result.requests, 'API call')),
      figure(`${result.failed} of ${calls} failed`, result.failed - unavoidable.failed, result.failed),
      figure(isOut ? out : 'still signed in', result.signedOut - unavoidable.signedOut, result.signedOut),
    )
  }

  function clear(): void {
    row.dataset.state = 'waiting'
    for (const cell of cells) {
      setText(cell, '–')
      delete cell.dataset.outcome
    }
    setText(seen, '')
  }

  async function run(hears: () => void): Promise<Outcome | null> {
    row.dataset.state = 'running'
    const results: Partial<Results> = {}
    try {
      for (const [index, client] of CLIENTS.entries()) {
        setText(cells[index]!, 'runs …')
        results[client] = await contest(client, experiment, grace)
        show(cells[index]!, results[client])
        hears()
      }
    } catch (error) {
      row.dataset.state = 'failed'
      setText(seen, `This did not come to its end: ${errorInWords(error)}.`)
      return null
    }
    const whole = results as Results
    for (const client of winnersOf(whole)) {
      const cell = cells[CLIENTS.indexOf(client)]!
      cell.dataset.outcome = 'best'
      cell.firstElementChild?.append(create('em', {}, ' ★ best'))
    }
    setText(seen, [gainsOf(whole, calls), ...experiment.why(whole, grace)].filter(Boolean).join(' '))
    row.dataset.state = 'done'
    return { results: whole, unavoidable }
  }

  const round: Round = { row, name, takes, clear, run }
  once.addEventListener('click', () => void whileBusy(once, () => start(round)))
  return round
}

/** Bad is what the client could have avoided, grey what no client can. */
function figure(words: string, avoidable: number, count: number): HTMLElement {
  const element = create('span', {}, words)
  if (count > 0) element.dataset.outcome = avoidable > 0 ? 'bad' : 'unavoidable'
  return element
}
