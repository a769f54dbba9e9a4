import type { ContractReport, ContractResult } from './check.ts'

const MARKS = { holds: 'ok     ', fails: 'FAILED ', skipped: 'skipped' }

/** The report as text: a line for each point. A point that fails also has what was seen, what the client expects, and why. */
export function formatReport({ url, points }: ContractReport): string {
  const count = (status: ContractResult['status']) => points.filter(point => point.status === status).length
  const end = `${count('holds')} hold, ${count('fails')} fail, ${count('skipped')} skipped`
  return [`The contract of silent-refresh, at ${url}`, '', ...points.flatMap(lines), '', end, ''].join('\n')
}

function lines({ id, title, status, seen, expected, why, see }: ContractResult): string[] {
  const line = `${MARKS[status]} ${id}: ${title}`
  if (status === 'holds') return [line]
  if (status === 'skipped') return [`${line} (${seen})`]
  const details = { seen, expected, why, see }
  return [line, ...Object.entries(details).map(([name, text]) => `          ${name.padEnd(9)} ${text}`)]
}
