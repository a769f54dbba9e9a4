// @vitest-environment node
import { gql } from '@apollo/client'
import { MutationObserver, type QueryClient, QueryObserver } from '@tanstack/query-core'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { isAuthError } from '../../src/index.ts'
import { type SignedIn, signIn } from './signed-in.ts'
import { readRows } from './table.ts'

type Exports = Record<string, any>

interface Client {
  read(exports: Exports): Promise<unknown>
  add(exports: Exports, title: string): Promise<unknown>
  /** The items, in what `read` resolves with. */
  items(result: any): unknown
}

const ITEMS = '{ items }'
const ADD = 'mutation Add($title: String!) { addItem(title: $title) }'

const clients: Record<string, Client> = {
  ky: {
    read: ({ api }) => api.get('items').json(),
    add: ({ api }, title) => api.post('items', { json: { title } }).json(),
    items: items => items,
  },
  axios: {
    read: ({ api }) => api.get('items'),
    add: ({ api }, title) => api.post('items', { title }),
    items: ({ data }) => data,
  },
  ofetch: {
    read: ({ api }) => api('items'),
    add: ({ api }, title) => api('items', { method: 'POST', body: { title } }),
    items: items => items,
  },
  wretch: {
    read: ({ api }) => api.url('/items').get().json(),
    add: ({ api }, title) => api.url('/items').post({ title }).json(),
    items: items => items,
  },
  'openapi-fetch': {
    read: ({ api }) => api.GET('/items'),
    add: ({ api }, title) => api.POST('/items', { body: { title } }),
    items: ({ data }) => data,
  },
  'Apollo Client': {
    read: ({ api }) => api.query({ query: gql(ITEMS), fetchPolicy: 'network-only' }),
    add: ({ api }, title) => api.mutate({ mutation: gql(ADD), variables: { title } }),
    items: ({ data }) => data.items,
  },
  urql: {
    read: ({ api }) => api.query(ITEMS, {}).toPromise(),
    add: ({ api }, title) => api.mutation(ADD, { title }).toPromise(),
    items: ({ data }) => data.items,
  },
  'graphql-request': {
    read: ({ api }) => api.request(ITEMS),
    add: ({ api }, title) => api.request(ADD, { title }),
    items: ({ items }) => items,
  },
  tRPC: {
    read: ({ api }) => api.items.query(),
    add: ({ api }, title) => api.addItem.mutate(title),
    items: items => items,
  },
  'TanStack Query': {
    read: ({ queries, items }) => queries.fetchQuery(items),
    add: ({ queries, addItem }, title) =>
      new MutationObserver<string, Error, string>(queries, addItem).mutate(title),
    items: items => items,
  },
}

let page: SignedIn
let exports: Exports

const calls = () => page.server.calls
const tokens = () => calls().map(({ token }) => token)
const statuses = () => calls().map(({ status }) => (status < 300 ? 'done' : status))

/** What the caller is left with: `error` where it was rejected, else `result`. */
const outcome = (call: Promise<unknown>): Promise<{ error?: any; result?: any }> =>
  call.then(
    result => ({ result }),
    error => ({ error }),
  )

/** What stands at a path such as `error.cause`. */
const at = (path: string, value: unknown) =>
  path.split('.').reduce((all, name) => (all as any)?.[name], value)

afterEach(() => page.close())

describe.each(Object.entries(clients))('P4 %s', (heading, { read, add, items }) => {
  const { authError, unauthorized } = readRows()[heading]!

  beforeEach(async () => {
    page = await signIn()
    exports = await page.load(heading)
  })

  test('a call goes out with the bearer, and so does what it carries', async () => {
    expect(items(await read(exports))).toEqual(['first'])
    await add(exports, 'second')
    expect(page.server.items).toEqual(['first', 'second'])
    expect(tokens()).toEqual(['good', 'good'])
  })

  test('after the end of the token calls at once cost one refresh, and no 401', async () => {
    page.expire()
    await Promise.all([read(exports), read(exports), add(exports, 'second')])
    expect(page.server.refreshes).toBe(1)
    expect(new Set(tokens())).toEqual(new Set(['good']))
  })

  test('a revoked token costs one refresh, and the same call again', async () => {
    page.server.ledger.revokeAccess()
    expect(items(await read(exports))).toEqual(['first'])
    page.server.ledger.revokeAccess()
    await add(exports, 'second')
    expect(statuses()).toEqual([401, 'done', 401, 'done'])
    expect(page.server.refreshes).toBe(2)
    expect(page.server.items).toEqual(['first', 'second'])
    const [, , refused, again] = calls()
    expect(again).toMatchObject({ route: refused!.route, body: refused!.body })
  })

  test('an auth server that is away is told as AuthError, costs one refresh, and nothing is sent', async () => {
    page.server.outage = { status: 503 }
    page.expire()
    for (const call of [() => read(exports), () => add(exports, 'second')]) {
      const left = await outcome(call())
      const error = at(authError, left)
      expect(isAuthError(error)).toBe(true)
      expect(error).toMatchObject({ code: 'refresh_unavailable', retryable: true })
      // What wraps it has not all that it has.
      expect(isAuthError(left.error)).toBe(authError === 'error')
    }
    expect(page.server.refreshes).toBe(1)
    expect(calls()).toEqual([])
    page.server.outage = null
    page.expire()
    expect(items(await read(exports))).toEqual(['first'])
  })

  test('a session that the server has ended is the 401 itself', async () => {
    page.server.ledger.revokeSessions()
    expect(at(unauthorized, await outcome(add(exports, 'second')))).toBe(401)
    expect(page.auth.session).toEqual({ status: 'anonymous', reason: 'rejected' })
    expect(calls()).toHaveLength(1)
  })

  test('after a logout no bearer goes out, and the 401 is the answer', async () => {
    await read(exports)
    await page.auth.logout()
    page.server.calls.length = 0
    expect(at(unauthorized, await outcome(read(exports)))).toBe(401)
    expect(at(unauthorized, await outcome(add(exports, 'second')))).toBe(401)
    expect(tokens()).toEqual(['none', 'none'])
    expect(page.server.refreshes).toBe(0)
    expect(page.server.items).toEqual(['first'])
  })
})

describe('P4 what they keep, they forget with the session', () => {
  beforeEach(async () => {
    page = await signIn()
  })

  test('Apollo Client', async () => {
    const { api } = await page.load('Apollo Client')
    await api.query({ query: gql(ITEMS) })
    expect(api.extract()).toMatchObject({ ROOT_QUERY: { items: ['first'] } })
    await page.auth.logout()
    expect(api.extract()).toEqual({})
  })

  test('TanStack Query', async () => {
    const { queries, items } = await page.load('TanStack Query')
    await queries.fetchQuery(items)
    expect(queries.getQueryData(items.queryKey)).toEqual(['first'])
    await page.auth.logout()
    expect(queries.getQueryData(items.queryKey)).toBeUndefined()
  })
})

test('P4 TanStack Query: what an outage has stopped is asked again after the refresh', async () => {
  page = await signIn()
  const { queries, items } = (await page.load('TanStack Query')) as { queries: QueryClient; items: any }
  page.server.outage = { status: 503 }
  page.expire()
  const seen = new QueryObserver(queries, items)
  const undo = seen.subscribe(() => {})
  await vi.waitUntil(() => seen.getCurrentResult().isError)
  expect(seen.getCurrentResult().failureCount).toBe(1)
  page.server.outage = null
  await page.auth.refresh()
  await vi.waitUntil(() => seen.getCurrentResult().isSuccess)
  expect(seen.getCurrentResult().data).toEqual(['first'])
  undo()
})

describe('P4 a status that hides the 401', () => {
  test('GraphQL with status 200', async () => {
    page = await signIn('GraphQL errors with status 200')
    page.server.ledger.revokeAccess()
    const answer = await page.auth.fetch(`${page.server.origin}/always-200`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ query: ITEMS }),
    })
    expect(await answer.json()).toEqual({ data: { items: ['first'] } })
    expect(page.server.refreshes).toBe(1)
  })

  test('tRPC, for a batch of what is open and what is not', async () => {
    page = await signIn()
    const { api } = await page.load('tRPC')
    const both = () => Promise.allSettled([api.version.query(), api.items.query()])
    page.server.ledger.revokeAccess()
    expect(await both()).toMatchObject([{ value: 1 }, { status: 'rejected' }])
    expect(statuses()).toEqual(['done'])
    expect(calls()).toMatchObject([{ status: 207 }])
  })

  test('tRPC, told so', async () => {
    page = await signIn('tRPC batches')
    const { api } = await page.load('tRPC')
    page.server.ledger.revokeAccess()
    expect(await Promise.all([api.version.query(), api.items.query()])).toEqual([1, ['first']])
    expect(page.server.refreshes).toBe(1)
  })
})
