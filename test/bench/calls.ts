import { LIFETIME, type Outcome } from './calls/scenarios.ts'
import { measureApart, type Section, table } from './section.ts'

const candidates: [name: string, title: string][] = [
  ['ours', '**silent-refresh/core**'],
  ['ours-api', '**silent-refresh**, `auth.api`'],
  ['oauth2-client', '@badgateway/oauth2-client'],
  ['axios-auth-refresh', 'axios + axios-auth-refresh'],
  ['axios-auth-refresh-joined', 'the same, `deduplicateRefresh: false`'],
  ['alova', 'alova, token authentication'],
  ['supabase', '@supabase/auth-js'],
  ['ky-readme', 'ky, its README’s recipe'],
  ['ky-by-hand', 'ky, refreshed by hand'],
]

type Bar = Partial<Record<keyof Outcome, number>>

/** What ours may be at most. */
const bars: Record<string, Bar> = {
  expired: { refreshes: 1, unauthorized: 0, apiCalls: 200, failed: 0, hung: 0 },
  revoked: { refreshes: 1, apiCalls: 401, failed: 0, hung: 0 },
  late: { refreshes: 1, failed: 0, hung: 0 },
  dead: { refreshes: 1, hung: 0 },
  // A fifth of the lifetime ahead, at most a minute, and a little less for jitter.
  hour: { refreshes: Math.ceil(3600 / (LIFETIME - 60)), unauthorized: 0, failed: 0, hung: 0 },
}

export async function calls(): Promise<Section> {
  const tables: Record<string, string> = {}
  const misses: string[] = []
  for (const [scenario, bar] of Object.entries(bars)) {
    const rows: (string | number)[][] = []
    for (const [name, title] of candidates) {
      const outcome = await measureApart<Outcome>('calls/candidate.ts', [name, scenario])
      rows.push([title, ...cells(outcome, scenario)])
      if (!name.startsWith('ours')) continue
      for (const [field, most] of Object.entries(bar) as [keyof Outcome, number][]) {
        if (+outcome[field] > most)
          misses.push(`${name}, ${scenario}: ${outcome[field]} ${field}, bar ${most}`)
      }
      if (scenario === 'hour' && outcome.rung !== outcome.refreshes) {
        misses.push(`${name}, hour: ${outcome.rung} timers for ${outcome.refreshes} refreshes`)
      }
      if (scenario !== 'dead' && !outcome.isAlive) misses.push(`${name}, ${scenario}: the session was lost`)
    }
    const last = scenario === 'hour' ? 'timers' : scenario === 'dead' ? [] : 'session'
    tables[`calls-${scenario}`] = table(
      ['', 'refreshes', 'API calls', '401s', 'failed', 'hung', ...[last].flat()],
      rows,
    )
  }
  return { tables, misses }
}

function cells(outcome: Outcome, scenario: string): (string | number)[] {
  const { refreshes, apiCalls, unauthorized, failed, hung, isAlive, rung } = outcome
  const shared = [refreshes, apiCalls, unauthorized, failed, hung]
  if (scenario === 'hour') return [...shared, rung]
  return scenario === 'dead' ? shared : [...shared, isAlive ? 'kept' : 'lost']
}
