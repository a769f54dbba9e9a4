import ky, { type KyInstance, type Options } from 'ky'
import { expect, test } from 'vitest'
import { createFullClient } from '../src/api/full-client.ts'
import { ORIGIN } from './support/server.ts'
import { createWorld } from './support/world.ts'

const BASE = `${ORIGIN}/v1/`
const OTHER = 'https://other.example/'

const inputs = [
  '',
  'items',
  '/items',
  '../items',
  './a/../items',
  '?q=a b#f',
  'items?next=https://a.example/b',
  '\t items\n',
  'i\nt\\ems',
  '//other.example/items',
  '//[',
  'https://other.example/items',
  'HTTPS:items',
  'a:b/items',
  ':items',
  new URL(`${ORIGIN}/items`),
  new Request(`${ORIGIN}/items`),
]

const seen = (options: object) => void Object.assign(options, { baseUrl: OTHER })
const prefixed = (options: object) => void Object.assign(options, { prefix: '/v3' })

const ways: [string, (api: KyInstance, input: never) => Promise<unknown>][] = [
  ['get', (api, input) => api.get(input)],
  ['the instance itself', (api, input) => api(input)],
  ['post with options', (api, input) => api.post(input, { json: {} })],
  ['searchParams', (api, input) => api.get(input, { searchParams: { a: '1' } })],
  ...(
    [
      ['prefix', { prefix: '/v2' }],
      ['no prefix', { prefix: '' }],
      ['baseUrl', { baseUrl: OTHER }],
      ['baseUrl with a password', { baseUrl: 'https://ada:secret@other.example/' }],
      ['no baseUrl', { baseUrl: undefined as never }],
      ['a hook that sets baseUrl', { hooks: { init: [seen] } }],
      ['a hook that sets prefix', { hooks: { init: [prefixed] } }],
      ['no hooks', { hooks: undefined as never }],
    ] as [string, Options][]
  ).flatMap(([name, options]): [string, (api: KyInstance, input: never) => Promise<unknown>][] => [
    [`${name}, for one request`, (api, input) => api.get(input, options)],
    [`${name}, for the instance`, (api, input) => api.extend(options).get(input)],
    [`${name}, by a function`, (api, input) => api.extend(() => options).get(input)],
    [
      `${name}, for one request of an instance with hooks`,
      (api, input) => api.extend({ hooks: { init: [seen] } }).get(input, options),
    ],
  ]),
]

/** Where a call goes, or why it goes nowhere. */
async function outcomes(api: KyInstance, sent: string[], call: (typeof ways)[number][1]) {
  const outcomes: string[] = []
  for (const input of inputs) {
    sent.length = 0
    try {
      await call(api, (input instanceof Request ? input.clone() : input) as never)
      outcomes.push(`${input}: ${sent}`)
    } catch (error) {
      outcomes.push(`${input}: ${error}`)
    }
  }
  return outcomes
}

test.each(ways)('auth.api resolves its input as ky does: %s', async (_, call) => {
  const sent: string[] = []
  const fetch = async (input: RequestInfo | URL, init?: RequestInit) => {
    sent.push(new Request(input, init).url)
    return Response.json({})
  }
  const world = createWorld()
  world.client.dispose()
  const { api, dispose } = createFullClient(
    { baseUrl: BASE, fetch, restore: 'manual' },
    { ...world.environment, page: null },
  )
  expect(await outcomes(api, sent, call)).toEqual(
    await outcomes(ky.create({ fetch, baseUrl: BASE }), sent, call),
  )
  dispose()
})
