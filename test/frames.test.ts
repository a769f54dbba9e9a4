import { describe, expect, test } from 'vitest'
import { createClient } from '../src/client.ts'
import { shareTabs } from '../src/core.ts'
import type { AuthClientOptions } from '../src/types.ts'
import { ORIGIN } from './support/server.ts'
import { createWorld, type World } from './support/world.ts'

const ADA = { email: 'ada', password: 'right' }
const OTHER = 'https://other.example'

/** What creating a client says there: its error, or `null`. */
function refusal(options: AuthClientOptions, page: World['environment']['page']): unknown {
  const { environment } = createWorld()
  try {
    createClient({ restore: 'manual', tabs: shareTabs(), ...options }, { ...environment, page }).dispose()
    return null
  } catch (error) {
    return error
  }
}
const invalid = (message: string) => ({ code: 'invalid_option', message: expect.stringMatching(message) })

describe('E1 a frame whose origin is that of the page around it', () => {
  const page = { href: `${ORIGIN}/app/index.html`, origin: ORIGIN }

  test.each([{}, { baseUrl: './api' }, { baseUrl: '/api' }, { baseUrl: OTHER }])('%j', options => {
    expect(refusal(options, page)).toBe(null)
  })

  test('a relative "baseUrl" resolves against the base of the document', async () => {
    const world = createWorld({ page, options: { baseUrl: './' } })
    await world.client.login(ADA).catch(() => {})
    expect(world.server.calls.map(({ path }) => path)).toEqual(['/app/login'])
  })

  test.each(['./api', '/api', 'api'])('%s that leads to another origin is refused', baseUrl => {
    const based = { href: `${OTHER}/`, origin: ORIGIN }
    expect(refusal({ baseUrl }, based)).toMatchObject(invalid('^"baseUrl" must be an absolute URL'))
    expect(refusal({ baseUrl: OTHER }, based)).toBe(null)
  })
})

describe('E1 a frame whose origin is opaque', () => {
  const page = { href: `${ORIGIN}/app/`, origin: 'null' }
  const opaque = invalid('must be an absolute URL where the origin is opaque\\.$')

  test.each([
    {},
    { baseUrl: './api' },
    { baseUrl: '/api' },
    { baseUrl: '//other.example' },
    { baseUrl: '' + '?' },
  ])('%j is refused', options => {
    expect(refusal(options, page)).toMatchObject(opaque)
  })

  test('an absolute one is taken, and calls go with credentials, as to a stranger', async () => {
    const world = createWorld({ page, options: { baseUrl: ORIGIN } })
    await world.login()
    expect((await world.client.fetch('../items')).status).toBe(200)
    expect(world.server.calls).toMatchObject([
      { path: '/login', credentials: 'include' },
      { path: '/items', authorization: expect.anything() },
    ])
  })

  test('an endpoint function whose URL is relative is named', async () => {
    const endpoints = { login: () => ({ url: '/login' }) }
    const { client } = createWorld({ page, options: { baseUrl: ORIGIN, endpoints } })
    await expect(client.login(ADA)).rejects.toMatchObject({
      ...opaque,
      message: expect.stringMatching('^"endpoints.login"'),
    })
  })
})
