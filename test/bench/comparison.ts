import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { placeIn } from '../tools/places.ts'
import { root } from '../tools/report.ts'
import { cellsOf, table } from './section.ts'

/** A client of the comparison, its row in the table of sizes, and that in the others. */
const CLIENTS: [label: string, size: string, row: string][] = [
  ['**silent-refresh/core**', '**silent-refresh/core, shareTabs()**', '**silent-refresh/core**'],
  [named('ky', ', refreshed by hand'), 'ky + jwt-decode, refreshed by hand', 'ky, refreshed by hand'],
  ...[
    [named('axios-auth-refresh', ' with axios'), 'axios + axios-auth-refresh'] as const,
    [named('@badgateway/oauth2-client'), '@badgateway/oauth2-client'] as const,
    [named('alova', ', token authentication'), 'alova, token authentication'] as const,
    [named('@supabase/auth-js'), '@supabase/auth-js'] as const,
  ].map(([label, row]): [string, string, string] => [label, row, row]),
]

type Row = Record<string, string>

/** The tables of docs/comparison.md, by the names of their places, from what docs/performance.md shows as measured. */
export function comparisonTables(performance: string): Record<string, string> {
  const rowsOf = (place: string): Row[] => {
    const [head = [], , ...rows] = (placeIn(performance, place) ?? '').split('\n').map(cellsOf)
    return rows.map(row => Object.fromEntries(row.map((cell, column) => [head[column], cell])))
  }
  const find = (place: string, wanted: Row): Row => {
    const row = rowsOf(place).find(one => Object.entries(wanted).every(([name, cell]) => one[name] === cell))
    if (!row) throw new Error(`docs/performance.md, ${place}: no row with ${JSON.stringify(wanted)}`)
    return row
  }

  const calls = CLIENTS.map(([label, size, row]) => [
    label,
    find('sizes', { '': size })['min + brotli, kB']!,
    find('requests-peers', { '': row })['time, ratio']!,
    verdict(find('calls-expired', { '': row })),
    verdict(find('calls-revoked', { '': row })),
    verdict(find('calls-late', { '': row })),
    verdict({ ...find('calls-dead', { '': row }), failed: '0' }),
    mark(find('calls-hour', { '': row })['401s'] === '0', `${find('calls-hour', { '': row })['401s']} × 401`),
  ])
  const tabs = ['**silent-refresh/core**', 'ky, refreshed by hand'].map(client => [
    client,
    ...['2', '10'].map(count => verdict(find('tabs', { '': client, tabs: count }))),
  ])

  const [ours, theirs] = ['**silent-refresh/oauth**', 'oidc-client-ts'] as const
  const both = (label: string, place: string, wanted: Row, judge: (row: Row) => string) => [
    label,
    ...[ours, theirs].map(client => judge(find(place, { '': client, ...wanted }))),
  ]
  const outage = (what: string, name: string) =>
    both(
      `stays signed in if the provider ${what} for 30 seconds`,
      'oauth-outage',
      { 'the provider': name },
      row => mark(row['the page then says'] === 'signed in'),
    )
  const inTab = { store: '`sessionStorage`' }
  const sizeOf = (name: string) => find('oauth-sizes', { '': name })['min + brotli, kB']!
  const oauth = [
    [
      'an app with it, min + brotli, kB',
      sizeOf('an app with **silent-refresh/core**, `shareTabs()` and `oauth()`'),
      sizeOf('an app with oidc-client-ts'),
    ],
    both('ten tabs share one login', 'oauth-tabs', inTab, ({ logins }) =>
      mark(logins === '1', `${logins} logins`),
    ),
    both('ten tabs share one renewal', 'oauth-tabs', inTab, ({ renewals }) =>
      mark(Number(renewals) <= 5, `${renewals} renewals in 60 s`),
    ),
    outage('answers 503', 'answers 503'),
    outage('refuses connections', 'refuses connections'),
    outage('does not answer', 'does not answer'),
    both('a reload with a good token makes no call', 'oauth-reload', inTab, row =>
      mark(row['sent, token good'] === 'nothing', row['sent, token good']),
    ),
    // The last column of that table is named like the one after the good token, and takes its place.
    both('a reload with an expired token keeps the user signed in', 'oauth-reload', inTab, row =>
      mark(row['signed in'] === 'yes'),
    ),
    both(
      'the returned address can be opened in two tabs',
      'oauth-twice',
      { ...inTab, 'the copy comes': 'later' },
      row => mark(row['error for the app'] === 'none', 'an error in one tab'),
    ),
  ]

  return {
    'comparison-calls': table(
      [
        '',
        'kB',
        'a request ¹',
        'waking ²',
        'revoked token ³',
        'late 401 ⁴',
        'ended session ⁵',
        'no 401 in an hour ⁶',
      ],
      calls,
    ),
    'comparison-tabs': table(['', '2 tabs', '10 tabs'], tabs),
    'comparison-oauth': table(['', 'silent-refresh/oauth', named('oidc-client-ts')], oauth),
  }
}

const mark = (isGood: boolean, otherwise = ''): string => (isGood ? '✓' : `✗ ${otherwise}`.trim())

/** Every request succeeded after one refresh, and the session is still there. */
function verdict({ refreshes, failed, hung = '0', session = 'kept' }: Row): string {
  const faults = [
    ...(Number(refreshes) > 1 ? [`${refreshes} refreshes`] : []),
    ...(failed === '0' ? [] : [`${failed} fail`]),
    ...(hung === '0' ? [] : [`${hung} hang`]),
    ...(session === 'kept' ? [] : ['session lost']),
  ]
  return mark(faults.length === 0, faults.join(', '))
}

/** With its version, major and minor, of those that are installed to be measured. */
function named(name: string, how = ''): string {
  const manifest = readFileSync(resolve(root, 'test/bench/package.json'), 'utf8')
  const [version] = /\d+\.\d+/.exec(JSON.parse(manifest).dependencies[name])!
  return `${name} ${version}${how}`
}
