import { idsOf, type TestCase } from './report.ts'

/**
 * What each engine makes of the browser tests: a line for a scenario, or for a file's tests that name none.
 * The outermost suite of each is its engine, with a reason behind it where that is missing.
 */
export function engineTable(tests: TestCase[], engines: readonly string[]): string[] {
  const rows = new Map<string, Map<string, TestCase[]>>()
  for (const test of tests) {
    const engine = engines.find(name => test.titles[0]?.split(' ')[0] === name)
    if (!engine) continue
    const ids = [...idsOf(test)]
    for (const name of ids.length ? ids : [test.file.replace(/^.*\/|\.test\.ts$/g, '')]) {
      const row = rows.get(name) ?? new Map<string, TestCase[]>()
      rows.set(name, row.set(engine, [...(row.get(engine) ?? []), test]))
    }
  }
  const names = [...rows.keys()].sort((a, b) => a.localeCompare(b, 'en', { numeric: true }))
  const lines = [
    ['', ...engines],
    ...names.map(name => [name, ...engines.map(engine => cell(rows.get(name)!.get(engine) ?? []))]),
  ]
  const widths = ['', ...engines].map((_, column) => Math.max(...lines.map(line => line[column]!.length)))
  return lines.map(line =>
    line
      .map((text, column) => text.padEnd(widths[column]!))
      .join('  ')
      .trimEnd(),
  )
}

/** `2 passed, 1 skipped (Chromium alone can freeze)`, with the reason that a name ends with. */
function cell(tests: TestCase[]): string {
  const parts = (['failed', 'passed', 'skipped'] as const).flatMap(status => {
    const those = tests.filter(test => test.status === status)
    if (!those.length) return []
    const reasons =
      status === 'skipped' ? those[0]!.titles.flatMap(title => / \(.*\)$/.exec(title) ?? []) : []
    return `${those.length} ${status}${reasons[0] ?? ''}`
  })
  return parts.join(', ') || '-'
}
