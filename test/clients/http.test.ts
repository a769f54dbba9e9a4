// @vitest-environment node
import { gql } from '@apollo/client'
import { CancelledError, MutationObserver, type QueryClient, QueryObserver } from '@tanstack/query-core'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { isAuthError } from '../../src/index.ts'
import { REFUSED } from '../support/refused.ts'
import { type SignedIn, signIn, until } from './signed-in.ts'
import { readRows } from './table.ts'

type Exports = Record<string, any>

interface Client {
  read(exports: Exports): Promise<unknown>
  add(exports: Exports, title: string): Promise<unknown>
  /** The items, in what `read` resolves with. */
  items(result: any): unknown
  /** A `read` that can be given up. */
  readUntil(exports: Exports, signal: AbortSignal): Promise<unknown>
}

const ITEMS = '{ items }'
const ADD = 'mutation Add($title: String!) { addItem(title: $title) }'

const clients: Record<string, Client> = {
  ky: {
    read: ({ api }) => api.get('items').json(),
    add: ({ api }, title) => api.post('items', { json: { title } }).json(),
    items: items => items,
    readUntil: ({ api }, signal) => api.get('items', { signal }).json(),
  },
  axios: {
    read: ({ api }) => api.get('items'),
    add: ({ api }, title) => api.post('items', { title }),
    items: ({ data }) => data,
    readUntil: ({ api }, signal) => api.get('items', { signal }),
  },
  ofetch: {
    read: ({ api }) => api('items'),
    add: ({ api }, title) => api('items', { method: 'POST', body: { title } }),
    items: items => items,
    readUntil: ({ api }, signal) => api('items', { signal }),
  },
  wretch: {
    read: ({ api }) => api.url('/items').get().json(),
    add: ({ api }, title) => api.url('/items').post({ title }).json(),
    items: items => items,
    readUntil: ({ api }, signal) => api.options({ signal }).url('/items').get().json(),
  },
  'openapi-fetch': {
    read: ({ api }) => api.GET('/items'),
    add: ({ api }, title) => api.POST('/items', { body: { title } }),
    items: ({ data }) => data,
    readUntil: ({ api }, signal) => api.GET('/items', { signal }),
  },
  'Apollo Client': {
    read: ({ api }) => api.query({ query: gql(ITEMS), fetchPolicy: 'network-only' }),
    add: ({ api }, title) => api.mutate({ mutation: gql(ADD), variables: { title } }),
    items: ({ data }) => data.items,
    readUntil: ({ api }, signal) =>
      api.query({ query: gql(ITEMS), fetchPolicy: 'network-only', context: { fetchOptions: { signal } } }),
  },
  urql: {
    read: ({ api }) => api.query(ITEMS, {}).toPromise(),
    add: ({ api }, title) => api.mutation(ADD, { title }).toPromise(),
    items: ({ data }) => data.items,
    // It has a signal of its own, which ends with the subscription.
    readUntil: ({ api }, signal) =>
      new Promise((_, reject) => {
        const { unsubscribe } = api.query(ITEMS, {}).subscribe(() => {})
        signal.addEventListener('abort', () => {
          unsubscribe()
          reject(signal.reason)
        })
      }),
  },
  'graphql-request': {
    read: ({ api }) => api.request(ITEMS),
    add: ({ api }, title) => api.request(ADD, { title }),
    items: ({ items }) => items,
    readUntil: ({ api }, signal) => api.request({ document: ITEMS, signal }),
  },
  tRPC: {
    read: ({ api }) => api.items.query(),
    add: ({ api }, title) => api.addItem.mutate(title),
    items: items => items,
    readUntil: ({ api }, signal) => api.items.query(undefined, { signal }),
  },
  'TanStack Query': {
    read: ({ queries, items }) => queries.fetchQuery(items),
    add: ({ queries, addItem }, title) =>
      new MutationObserver<string, Error, string>(queries, addItem).mutate(title),
    items: items => items,
    readUntil({ queries, items }, signal) {
      signal.addEventListener('abort', () => queries.cancelQueries())
      return queries.fetchQuery(items)
    },
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

describe.each(Object.entries(clients))('P4 %s', (heading, { read, add, items, readUntil }) => {
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
    page.server.away = true
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
    page.server.away = false
    page.expire()
    expect(items(await read(exports))).toEqual(['first'])
  })

  test('a call that is given up while it waits for a token is not sent, and the refresh goes on', async () => {
    page.expire()
    const gone = new AbortController()
    page.server.onRefresh = () => gone.abort()
    const left = await outcome(readUntil(exports, gone.signal))
    expect(left.error).toBeDefined()
    expect(isAuthError(left.error) || isAuthError(left.error.cause)).toBe(false)
    expect(items(await read(exports))).toEqual(['first'])
    expect(tokens()).toEqual(['good'])
    expect(page.server.refreshes).toBe(1)
  })

  test('a session that the server has ended is the 401 itself', async () => {
    page.server.ledger.revokeSessions()
    expect(at(unauthorized, await outcome(add(exports, 'second')))).toBe(401)
    expect(page.auth.session).toEqual({ status: 'anonymous', ...REFUSED })
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

  test('Apollo Client, which gives up what is under way', async () => {
    const { api } = await page.load('Apollo Client')
    await api.query({ query: gql(ITEMS) })
    expect(api.extract()).toMatchObject({ ROOT_QUERY: { items: ['first'] } })
    page.server.ledger.revokeSessions()
    const { error } = await outcome(api.query({ query: gql(ITEMS), fetchPolicy: 'network-only' }))
    expect(error).toMatchObject({ name: 'Invariant Violation' })
    expect(api.extract()).toEqual({})
  })

  test('TanStack Query, which gives up what is under way', async () => {
    const { queries, items } = await page.load('TanStack Query')
    await queries.fetchQuery(items)
    expect(queries.getQueryData(items.queryKey)).toEqual(['first'])
    page.server.ledger.revokeSessions()
    const { error } = await outcome(queries.fetchQuery(items))
    expect(error).toBeInstanceOf(CancelledError)
    expect(queries.getQueryData(items.queryKey)).toBeUndefined()
  })
})

describe('P4 what the page says of one alone', () => {
  beforeEach(async () => {
    page = await signIn()
  })

  test('axios: a body whose progress is watched is sent again as well', async () => {
    const { api } = await page.load('axios')
    page.server.ledger.revokeAccess()
    await api.post('items', { title: 'second' }, { onUploadProgress: () => {} })
    expect(page.server.items).toEqual(['first', 'second'])
    expect(page.server.refreshes).toBe(1)
  })

  test('axios: what wraps an AuthError says its code, and not when to try again', async () => {
    const { api } = await page.load('axios')
    page.outage()
    const { error } = await outcome(api.get('items'))
    expect(error).toMatchObject({ name: 'AuthError', code: 'refresh_unavailable', status: 503 })
    expect(error).not.toHaveProperty('retryable')
    expect(error.cause).toHaveProperty('retryAt')
  })

  test('wretch: its catcher sees only what a refresh could not mend', async () => {
    const { api } = await page.load('wretch')
    const caught = vi.fn(() => [])
    const read = () => api.url('/items').get().unauthorized(caught).json()
    page.server.ledger.revokeAccess()
    expect(await read()).toEqual(['first'])
    expect(caught).not.toHaveBeenCalled()
    await page.auth.logout()
    await read()
    expect(caught).toHaveBeenCalledTimes(1)
  })

  test('urql: a client with a cache keeps it', async () => {
    const { Client, cacheExchange, fetchExchange } = await import('@urql/core')
    const url = `${page.server.origin}/graphql`
    const api = new Client({ url, exchanges: [cacheExchange, fetchExchange], fetch: page.auth.fetch })
    await api.query(ITEMS, {})
    await page.auth.logout()
    expect((await api.query(ITEMS, {})).data).toEqual({ items: ['first'] })
  })
})

test.each(['TanStack Query', 'TanStack Query over axios'])(
  'P4 %s: what an outage has stopped is asked again after the refresh',
  async heading => {
    page = await signIn()
    const { queries, items } = (await page.load(heading)) as { queries: QueryClient; items: any }
    page.server.away = true
    page.expire()
    const seen = new QueryObserver(queries, items)
    const undo = seen.subscribe(() => {})
    await until(() => seen.getCurrentResult().isError)
    expect(seen.getCurrentResult().failureCount).toBe(1)
    page.server.away = false
    page.expire()
    await page.auth.refresh()
    await until(() => seen.getCurrentResult().isSuccess)
    expect(seen.getCurrentResult().data).toEqual(['first'])
    undo()
  },
)

test.each(['TanStack Query', 'TanStack Query over axios'])(
  'P4 %s: what is on the screen goes with its user, and the next one gets their own',
  async heading => {
    page = await signIn()
    const { queries, items } = (await page.load(heading)) as { queries: QueryClient; items: any }
    const seen = new QueryObserver<string[]>(queries, items)
    const shown: (string[] | undefined)[] = []
    const undo = seen.subscribe(({ data }) => shown.push(data))
    await until(() => seen.getCurrentResult().isSuccess)
    shown.length = 0
    const before = calls().length
    await page.auth.setTokens({ accessToken: 'of-somebody-else' })
    await until(() => calls().length > before && seen.getCurrentResult().isFetched)
    expect(shown).toContain(undefined)

    await page.auth.logout()
    expect(seen.getCurrentResult().data).toBeUndefined()
    undo()
  },
)

describe('P4 TanStack Query over axios', () => {
  let loaded: Exports
  const read = () => outcome(loaded.queries.fetchQuery(loaded.items))

  beforeEach(async () => {
    page = await signIn()
    loaded = await page.load('TanStack Query over axios')
  })

  test('an AuthError is found in what axios makes of it, and is not retried', async () => {
    page.server.away = true
    page.expire()
    const { error } = await read()
    expect(isAuthError(error)).toBe(false)
    expect(loaded.authErrorOf(error)).toMatchObject({ code: 'refresh_unavailable', retryable: true })
    expect(page.server.refreshes).toBe(1)
    expect(calls()).toEqual([])
  })

  test('a 401 is not retried, and clears what was kept', async () => {
    await read()
    page.server.ledger.revokeSessions()
    expect((await read()).error).toBeInstanceOf(CancelledError)
    expect(loaded.queries.getQueryData(loaded.items.queryKey)).toBeUndefined()
    expect(statuses()).toEqual(['done', 401])
  })

  test('an error of its own kind has no AuthError', () => {
    expect(loaded.authErrorOf(new Error('other'))).toBeUndefined()
  })
})

describe('I5 a retry after the user has changed sends nothing', () => {
  const others: Record<string, () => Promise<unknown>> = {
    'a logout': () => page.auth.logout(),
    'another user': () => page.auth.setTokens({ accessToken: 'of-somebody-else' }),
    'a logout and a login': async () => {
      await page.auth.logout()
      await page.again()
    },
  }
  const adding: Record<string, (exports: Exports) => Promise<unknown>> = {
    'axios, with retries': ({ api }) => api.post('items', { title: 'second' }),
    'TanStack Query, with retried mutations': ({ queries, addItem }) =>
      new MutationObserver<string, Error, any>(queries, addItem).mutate({
        title: 'second',
        signal: page.inSession(),
      }),
  }
  const cases = Object.entries(adding).flatMap(([heading, add]) =>
    Object.entries(others).map(([change, happen]) => ({ heading, change, add, happen })),
  )
  test.each(cases)('$heading: $change', async ({ heading, add, happen }) => {
    page = await signIn()
    const loaded = await page.load(heading)
    page.server.busy = happen
    const { error } = await outcome(add(loaded))
    expect([error.name, error.code]).toEqual(
      heading.startsWith('axios') ? ['CanceledError', 'ERR_CANCELED'] : ['AuthError', 'user_changed'],
    )
    expect(page.server.items).toEqual(['first'])
  })

  test.each(Object.entries(adding))(
    '%s: where nobody has changed, the retry goes out',
    async (heading, add) => {
      page = await signIn()
      const loaded = await page.load(heading)
      page.server.busy = async () => {}
      expect((await outcome(add(loaded))).error).toBeUndefined()
      expect(page.server.items).toEqual(['first', 'second'])
    },
  )
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
