import { describe, expect, test } from 'vitest'
import { tokenStorage } from '../src/core.ts'
import { type OAuth2Options, oauth2 } from '../src/presets/oauth2.ts'
import type { AuthClientOptions } from '../src/types.ts'
import { createTabStorage } from './support/modes.ts'
import { watch } from './support/outcome.ts'
import { REFUSED } from './support/refused.ts'
import { makeToken, ORIGIN } from './support/server.ts'
import { createWorld, type World } from './support/world.ts'

const HOUR = 3_600_000
const MINUTE = 60_000
const ISSUER = 'https://id.example.com'
const preset: OAuth2Options = {
  tokenUrl: `${ISSUER}/oauth/token`,
  revokeUrl: `${ISSUER}/oauth/revoke`,
  clientId: 'spa',
}
const items = `${ORIGIN}/items`
const TOKEN = 'POST /oauth/token'

/** An authorization server that knows rotation, and no more of the grants than is asked here. */
function create(more: Partial<OAuth2Options> = {}, options: AuthClientOptions = {}, browser?: World): World {
  const world = createWorld({
    ...(browser && { browser }),
    options: { ...oauth2({ ...preset, ...more }), baseUrl: ORIGIN, ...options },
  })
  if (!browser) world.server.answer(TOKEN, () => world.server.json(grant(world)))
  world.server.answer('POST /oauth/revoke', () => new Response(null, { status: 200 }))
  return world
}

let issued = 0
function grant({ server }: World): object {
  return { ...server.issueAccess('ada').body, refresh_token: `refresh-${++issued}` }
}

/** The code flow was done elsewhere. */
async function adopted(more?: Partial<OAuth2Options>, options?: AuthClientOptions): Promise<World> {
  const world = create(more, options)
  const { token } = world.server.issueAccess('ada')
  await world.client.setTokens({ accessToken: token, refreshToken: 'refresh-from-code', expiresIn: 3600 })
  await world.settle()
  world.events.length = 0
  return world
}

const forms = ({ server }: World) =>
  server.calls.map(({ path, text }) => [path, Object.fromEntries(new URLSearchParams(text))])
const refused =
  (error: string, status = 400) =>
  () =>
    Response.json({ error }, { status })

const ADA = { username: 'ada', password: 'right' }

describe('oauth2(): the refresh grant', () => {
  test('is form encoded, names the client, shows no bearer and takes no cookie along', async () => {
    const world = await adopted()
    await world.client.refresh()
    const [call] = world.server.calls
    expect(call).toMatchObject({
      method: 'POST',
      path: '/oauth/token',
      authorization: null,
      credentials: 'omit',
    })
    expect(call?.headers.get('content-type')).toBe('application/x-www-form-urlencoded;charset=UTF-8')
    expect(forms(world)).toEqual([
      ['/oauth/token', { grant_type: 'refresh_token', refresh_token: 'refresh-from-code', client_id: 'spa' }],
    ])
  })

  test('a value is encoded, and a scope is asked for where one was given', async () => {
    const world = await adopted({ clientId: 'a&b=c d', scope: 'openid items:read' })
    await world.client.refresh()
    expect(world.server.calls[0]?.text).toContain('client_id=a%26b%3Dc+d')
    expect(forms(world)[0]?.[1]).toMatchObject({ client_id: 'a&b=c d', scope: 'openid items:read' })
  })

  test('rotates: the next one carries the new refresh token', async () => {
    const world = await adopted()
    for (let n = 0; n < 3; n++) await world.client.refresh()
    const sent = forms(world).map(([, form]) => (form as { refresh_token: string }).refresh_token)
    expect(new Set(sent).size).toBe(3)
    expect((await world.client.fetch(items)).status).toBe(200)
  })

  test('without a refresh token there is no call: nobody to restore, and no way to renew', async () => {
    const world = create()
    expect(await world.client.ready()).toEqual({ status: 'anonymous', reason: 'initial' })
    await world.client.setTokens({ accessToken: world.server.issueAccess('ada').token, expiresIn: 3600 })
    const refresh = watch(world.client.refresh())
    await world.settle()
    expect(refresh.state).toBe('refresh_rejected')
    expect((await world.client.fetch(items)).status).toBe(200)
    expect(forms(world).map(([path]) => path)).toEqual(['/items'])
    await world.clock.advance(2 * HOUR)
    expect(world.client.session).toEqual({ status: 'anonymous', reason: 'rejected' })
    expect(forms(world).map(([path]) => path)).toEqual(['/items'])
  })

  test('S3 goes on after a reload with what rested in a storage', async () => {
    const storage = tokenStorage(createTabStorage())
    const before = await adopted({}, { storage })
    await before.client.refresh()
    await before.settle()
    before.close()
    const after = create({}, { storage }, before)
    expect(await after.client.ready()).toMatchObject({ status: 'authenticated', claims: { sub: 'ada' } })
  })
})

describe('oauth2(): the error codes of RFC 6749 §5.2', () => {
  test.each(['invalid_grant', 'login_required', 'interaction_required', 'consent_required'])(
    '%s is final',
    async error => {
      const world = await adopted()
      world.server.answer(TOKEN, refused(error), 1)
      world.server.mend(TOKEN)
      world.server.answer(TOKEN, refused(error))
      world.server.revokeAccess()
      expect((await world.client.fetch(items)).status).toBe(401)
      expect(world.client.session).toEqual({ status: 'anonymous', ...REFUSED })
      expect(world.events).toEqual([['logout', REFUSED]])
    },
  )

  test.each([
    ['temporarily_unavailable', 400],
    ['server_error', 400],
    ['invalid_client', 401],
    ['invalid_request', 400],
    ['unauthorized_client', 400],
    ['slow_down', 403],
    ['invalid_grant', 404],
    ['invalid_grant', 503],
  ])('%s is passing', async (error, status) => {
    const world = await adopted()
    world.server.mend(TOKEN)
    world.server.answer(TOKEN, refused(error, status))
    world.server.revokeAccess()
    expect(await world.client.fetch(items).catch(error => error.code)).toBe('refresh_unavailable')
    expect(world.client.session).toMatchObject({ status: 'authenticated', error: { retryable: true } })
    world.server.mend(TOKEN)
    world.server.answer(TOKEN, () => world.server.json(grant(world)))
    await world.clock.advance(MINUTE)
    expect(world.client.session).toMatchObject({ status: 'authenticated', error: null })
    expect(world.count('logout')).toBe(0)
  })

  test.each([
    '"invalid_grant"',
    '<html>invalid_grant',
    'invalid_grant',
    'null',
    '[]',
    '{"error":{"code":"invalid_grant"}}',
  ])('a 400 with the body %j is passing: it is not the answer of a token endpoint', async body => {
    const world = await adopted()
    world.server.mend(TOKEN)
    world.server.answer(TOKEN, () => new Response(body, { status: 400 }))
    const refresh = watch(world.client.refresh())
    await world.settle()
    expect(refresh.state).toBe('refresh_unavailable')
  })
})

describe('oauth2(): a server that needs no client and says nothing', () => {
  const bare = { tokenUrl: preset.tokenUrl, revokeUrl: preset.revokeUrl }

  test('without a "clientId" none is sent', async () => {
    const world = await adopted({ clientId: undefined })
    await world.client.refresh()
    await world.client.logout()
    expect(forms(world)).toEqual([
      ['/oauth/token', { grant_type: 'refresh_token', refresh_token: 'refresh-from-code' }],
      ['/oauth/revoke', { token: expect.any(String), token_type_hint: 'refresh_token' }],
    ])
    expect(oauth2(bare).sessionKey).toBe(oauth2({ ...bare, clientId: undefined }).sessionKey)
    expect(oauth2(bare).sessionKey).not.toBe(oauth2(preset).sessionKey)
  })

  test.each([400, 401, 403])('N6 %s with an empty body is final', async status => {
    const world = await adopted()
    world.server.mend(TOKEN)
    world.server.answer(TOKEN, () => new Response(null, { status }))
    world.server.revokeAccess()
    expect((await world.client.fetch(items)).status).toBe(401)
    expect(world.client.session).toEqual({ status: 'anonymous', ...REFUSED })
  })

  test.each([404, 408, 429, 500, 503])('%s with an empty body is passing', async status => {
    const world = await adopted()
    world.server.mend(TOKEN)
    world.server.answer(TOKEN, () => new Response(null, { status }))
    const refresh = watch(world.client.refresh())
    await world.settle()
    expect(refresh.state).toBe('refresh_unavailable')
  })
})

describe('oauth2(): the password grant', () => {
  test('is there only on request', async () => {
    const world = create()
    const login = watch(world.client.login({ username: 'ada', password: 'right' }))
    await world.settle()
    expect(login.state).toBe('unsupported')
    expect(world.server.calls).toEqual([])
  })

  test('on request: form encoded, without cookies', async () => {
    const world = create({ passwordGrant: true, scope: 'items:read' })
    await world.client.login({ username: 'ada', password: 'r&i=ght' })
    expect(forms(world)).toEqual([
      [
        '/oauth/token',
        {
          grant_type: 'password',
          username: 'ada',
          password: 'r&i=ght',
          scope: 'items:read',
          client_id: 'spa',
        },
      ],
    ])
    expect(world.server.calls[0]).toMatchObject({ credentials: 'omit', authorization: null })
    expect((await world.client.fetch(items)).status).toBe(200)
  })

  test.each([
    [
      'FormData',
      () =>
        Object.entries(ADA).reduce((form, [name, value]) => (form.set(name, value), form), new FormData()),
    ],
    ['URLSearchParams', () => new URLSearchParams(ADA)],
  ])('N8 %s is read like an object', async (_, make) => {
    const world = create({ passwordGrant: true })
    await world.client.login(make())
    expect(forms(world)[0]?.[1]).toMatchObject(ADA)
  })

  test.each([
    undefined,
    null,
    'ada',
    {},
    { username: 'ada' },
    new FormData(),
    { username: 1, password: 2 },
    new Map([['username', 'ada']]),
  ])('N8 credentials that are none, %j, reject "invalid_option", naming them', async credentials => {
    const world = create({ passwordGrant: true })
    await expect(world.client.login(credentials)).rejects.toMatchObject({
      code: 'invalid_option',
      message: expect.stringMatching(/^"credentials"/),
    })
    expect(world.server.calls).toEqual([])
  })

  test('F7 a wrong password is told with its body', async () => {
    const world = create({ passwordGrant: true })
    world.server.mend(TOKEN)
    world.server.answer(TOKEN, refused('invalid_grant'))
    const login = watch(world.client.login({ username: 'ada', password: 'wrong' }))
    await world.settle()
    expect(login.error).toMatchObject({
      code: 'login_rejected',
      status: 400,
      body: { error: 'invalid_grant' },
    })
  })
})

describe('oauth2(): revocation by RFC 7009', () => {
  test('a logout shows the refresh token to it, with its hint, and no bearer', async () => {
    const world = await adopted()
    expect(await world.client.logout()).toEqual({ revoked: true })
    expect(forms(world)).toEqual([
      ['/oauth/revoke', { token: 'refresh-from-code', token_type_hint: 'refresh_token', client_id: 'spa' }],
    ])
    expect(world.server.calls[0]).toMatchObject({ authorization: null, credentials: 'omit' })
  })

  test('without an endpoint for it there is no call, and the logout says so', async () => {
    const world = await adopted({ revokeUrl: undefined })
    expect(await world.client.logout()).toEqual({ revoked: false })
    expect(world.server.calls).toEqual([])
  })

  test('without a refresh token there is nothing to revoke', async () => {
    const world = create()
    await world.client.setTokens({ accessToken: makeToken({ sub: 'ada' }) })
    expect(await world.client.logout()).toEqual({ revoked: false })
    expect(world.server.calls).toEqual([])
  })
})

describe('oauth2() is checked, and says who shares a session', () => {
  test.each([
    ['tokenUrl', { ...preset, tokenUrl: '' }],
    ['clientId', { ...preset, clientId: '' }],
    ['clientId', { ...preset, clientId: null as never }],
  ])('"%s" is checked', (name, options) => {
    expect(() => oauth2(options)).toThrow(
      expect.objectContaining({
        code: 'invalid_option',
        message: expect.stringMatching(`^"${name}" must be`),
      }),
    )
  })

  test('one session key for each token endpoint and client', () => {
    const presets = [
      preset,
      { ...preset, clientId: 'other' },
      { ...preset, tokenUrl: 'https://two.example/token' },
    ]
    expect(new Set(presets.map(options => oauth2(options).sessionKey)).size).toBe(3)
    expect(oauth2(preset).sessionKey).toBe(oauth2({ ...preset }).sessionKey)
  })

  test('its options can be spread and changed', async () => {
    const given = oauth2(preset)
    const world = createWorld({
      options: { ...given, baseUrl: ORIGIN, endpoints: { ...given.endpoints, logout: '/logout' } },
    })
    await world.client.setTokens({ accessToken: makeToken({ sub: 'ada' }) })
    await world.client.logout()
    expect(world.server.calls.map(({ path }) => path)).toEqual(['/logout'])
  })
})
