import { plural } from '../words.ts'
import type { Result, Results } from './experiments.ts'
import type { ContestantName } from './tab.ts'

export const NAMES: Readonly<Record<ContestantName, string>> = {
  'silent-refresh': 'silent-refresh',
  ky: 'ky, by hand',
  axios: 'axios-auth-refresh',
}
export const CLIENTS: readonly ContestantName[] = ['silent-refresh', 'ky', 'axios']
const OURS = 'silent-refresh'
const OTHERS = CLIENTS.filter(client => client !== OURS)

/** What users feel comes first, then what the server feels. */
const MEASURES = ['signedOut', 'failed', 'refreshes'] as const

function compare(a: Result, b: Result): number {
  for (const measure of MEASURES) if (a[measure] !== b[measure]) return a[measure] - b[measure]
  return 0
}

/** The clients with the best result. Nobody wins where all of them have the same. */
export function winnersOf(results: Results): ContestantName[] {
  const [best] = CLIENTS.map(client => results[client]).toSorted(compare)
  const winners = CLIENTS.filter(client => compare(results[client], best!) === 0)
  return winners.length < CLIENTS.length ? winners : []
}

/** Where this client did better than both others, in figures. */
export function gainsOf(results: Results, calls: number): string {
  const ours = results[OURS]
  const isLess = (measure: keyof Result) => OTHERS.every(other => ours[measure] < results[other][measure])
  const against = (measure: keyof Result) => OTHERS.map(other => results[other][measure]).join(' and ')
  return [
    isLess('signedOut') && `${plural(ours.signedOut, 'tab')} signed out, against ${against('signedOut')}.`,
    isLess('failed') && `${ours.failed} of ${calls} calls failed, against ${against('failed')}.`,
    isLess('refreshes') &&
      `${plural(ours.refreshes, 'refresh', 'refreshes')}, against ${against('refreshes')}.`,
  ]
    .filter(Boolean)
    .join(' ')
}

/** What the clients made of a situation. */
export interface Outcome {
  readonly results: Results
  readonly unavoidable: Pick<Result, 'failed'>
}

/** All of them in a few sentences. */
export function summaryOf(outcomes: readonly Outcome[]): string {
  const winners = outcomes.map(({ results }) => winnersOf(results))
  const won = winners.filter(names => names.includes(OURS)).length
  const level = winners.filter(names => names.length === 0).length
  const lost = outcomes.length - won - level
  const each = (count: (outcome: Outcome, client: ContestantName) => number) =>
    CLIENTS.map(client => `${NAMES[client]} ${outcomes.reduce((sum, one) => sum + count(one, client), 0)}`)
  const refreshes = each(({ results }, client) => results[client].refreshes)
  const failed = each(({ results, unavoidable }, client) =>
    Math.max(0, results[client].failed - unavoidable.failed),
  )
  return (
    `silent-refresh did best in ${won} of ${outcomes.length} situations; in ${level} all did the same` +
    `${lost > 0 ? `; in ${lost} another did better` : ''}. Refreshes: ${refreshes.join(', ')}. ` +
    `Calls that failed and could have succeeded: ${failed.join(', ')}.`
  )
}
