// @vitest-environment node
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { expect, test } from 'vitest'
import { root } from '../tools/report.ts'
import { blocks } from './signed-in.ts'
import { readRows } from './table.ts'

const PACKAGES: Record<string, string> = {
  'Apollo Client': '@apollo/client',
  urql: '@urql/core',
  tRPC: '@trpc/client',
  'TanStack Query': '@tanstack/query-core',
}

function installed(client: string): string {
  const path = resolve(root, 'node_modules', PACKAGES[client] ?? client, 'package.json')
  return JSON.parse(readFileSync(path, 'utf8')).version
}

test('P4 the page names each client with the version that it is tried with', () => {
  const rows = readRows()
  const headings = [...new Set(blocks.map(({ heading }) => heading))]
  const clients = headings.filter(
    heading => !/^With the|^GraphQL errors|^tRPC batches|^Retries|, with retr| over /.test(heading),
  )
  expect(clients).toHaveLength(14)
  expect(Object.keys(rows)).toEqual(clients)
  for (const [client, { version }] of Object.entries(rows)) {
    expect(installed(client).startsWith(`${version}.`), `${client} ${installed(client)}`).toBe(true)
  }
})
