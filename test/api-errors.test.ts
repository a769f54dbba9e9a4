import { expect, test } from 'vitest'
import { createFullClient } from '../src/api/full-client.ts'
import { isAuthError, isHTTPError } from '../src/index.ts'
import { watch } from './support/outcome.ts'
import { createWorld } from './support/world.ts'

const ITEMS = 'POST /items'

function open() {
  const world = createWorld()
  world.client.dispose()
  world.server.seed()
  const { api } = createFullClient({ restore: 'manual' }, world.environment)
  const add = (signal?: AbortSignal) => watch(api.post('items', { json: {}, signal: signal ?? null }))
  const outcomeOf = async (adding = add()) => {
    await world.clock.advance(60_000)
    expect(adding.error).toBeInstanceOf(Error)
    return adding.error as Error
  }
  return { world, add, outcomeOf }
}

test.each([400, 404, 500])(
  'an answer of %i is an error with that status and the parsed body',
  async status => {
    const { world, outcomeOf } = open()
    world.server.answer(ITEMS, () => world.server.json({ error: 'told' }, status))
    const error = await outcomeOf()
    expect(isHTTPError(error) && [error.response.status, error.data]).toEqual([status, { error: 'told' }])
    expect(isAuthError(error)).toBe(false)
  },
)

test('a failure of the network is a NetworkError of ky', async () => {
  const { world, outcomeOf } = open()
  world.server.answer(ITEMS, () => Promise.reject(new TypeError('Failed to fetch')))
  const error = await outcomeOf()
  expect([error.name, error.cause]).toEqual(['NetworkError', new TypeError('Failed to fetch')])
  expect([isHTTPError(error), isAuthError(error)]).toEqual([false, false])
})

test('an abort is the reason of the signal', async () => {
  const { world, add, outcomeOf } = open()
  world.server.hold(ITEMS)
  const controller = new AbortController()
  const adding = add(controller.signal)
  await world.settle()
  controller.abort()
  expect(await outcomeOf(adding)).toBe(controller.signal.reason)
})

test('a request that has no token is an AuthError', async () => {
  const { world, outcomeOf } = open()
  world.server.answer('POST /refresh_token', () => world.server.json({}, 503))
  const error = await outcomeOf()
  expect(isAuthError(error) && error.code).toBe('refresh_unavailable')
  expect(isHTTPError(error)).toBe(false)
})
