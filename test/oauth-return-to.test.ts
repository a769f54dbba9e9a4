import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { toLocalAddress } from '../src/oauth/local-address.ts'
import { APP, createOAuthWorld, HERE, loggedIn, type OAuthWorld } from './support/oauth.ts'

const TRANSACTION = 'silent-refresh:oauth:'
const stored = ({ storage }: OAuthWorld) => [...storage].filter(([name]) => name.startsWith(TRANSACTION))
const loginErrors = ({ events }: OAuthWorld) => events.filter(([name]) => name === 'loginError')

/** Other addresses than one of this origin, in the spellings that open redirects are made of. */
const foreign = [
  'https://evil.example',
  'https:evil.example/..//evil.example',
  'HTTPS://EVIL.EXAMPLE/',
  ' https://evil.example',
  '\thttps://evil.example',
  'ht\ntps://evil.example',
  'https:\\\\evil.example',
  'https:/\\evil.example',
  '//evil.example',
  '///evil.example',
  '////evil.example',
  '\\\\evil.example',
  '/\\evil.example',
  '\\/evil.example',
  '/\t/evil.example',
  '/\r\n/evil.example',
  '\t//evil.example',
  ' //evil.example',
  '/.//evil.example',
  '/..//evil.example',
  '/a/..//evil.example',
  '/a/../..//evil.example',
  '/%2e//evil.example',
  '/a/%2E%2e//evil.example',
  './/evil.example',
  '..//evil.example',
  './/\\evil.example',
  'https://app.example.com@evil.example/',
  'https://app.example.com:443@evil.example/',
  'https://app.example.com.evil.example/',
  'https://app.example.com%2eevil.example/',
  'https://app.example.com:444/',
  'https://app.example.com:80/',
  'https://www.app.example.com/',
  'https://example.com/',
  'https://аpp.example.com/', // a Cyrillic letter
  'https://app。example.com.evil.example/',
  'https://[::1]/',
  'https://2130706433/',
  'http://app.example.com/',
  'ftp://app.example.com/',
  'ws://app.example.com/',
  'wss://app.example.com/',
  'file:///etc/passwd',
  'blob:https://app.example.com/2b4c',
  'filesystem:https://app.example.com/temporary/x',
  'javascript:alert(1)',
  'JavaScript:alert(1)',
  'java\nscript:alert(1)',
  '\u0001javascript:alert(1)',
  'javascript://app.example.com/%0aalert(1)',
  'data:text/html,x',
  'view-source:https://app.example.com/',
  'about:blank',
  'about:srcdoc',
  'mailto:ada@example.com',
  'intent://app.example.com/#Intent;end',
  'https://',
  'https:///',
  'https://%',
  'https://[',
]

/** Addresses of this origin, as the page at `HERE` reads them. */
const own: [given: string, local: string][] = [
  ['', '/inbox?folder=2'],
  ['/', '/'],
  ['..', '/'],
  ['../..', '/'],
  ['.', '/'],
  ['?x', '/inbox?x'],
  ['#x', '/inbox?folder=2#x'],
  ['orders', '/orders'],
  ['https:orders', '/orders'],
  ['/orders?to=https://evil.example#//evil.example', '/orders?to=https://evil.example#//evil.example'],
  ['/a//b', '/a//b'],
  ['/%2f%2fevil.example', '/%2f%2fevil.example'],
  ['/%5cevil.example', '/%5cevil.example'],
  ['https://app.example.com', '/'],
  ['https://app.example.com:443/orders', '/orders'],
  ['https://ada:secret@app.example.com/orders', '/orders'],
  ['HTTPS://APP.EXAMPLE.COM/Orders', '/Orders'],
  ['https://app.example.com\\@evil.example/', '/@evil.example/'],
  ['/пошта', '/%D0%BF%D0%BE%D1%88%D1%82%D0%B0'],
]

const parts = fc.constantFrom(
  ...['/', '//', '\\', '.', '..', '%2e', '%2f', '%5c', ':', '@', '?', '#', ';', '\t', '\n', '\r', ' ', '\0'],
  ...[
    'https:',
    'http:',
    'javascript:',
    'data:',
    'blob:',
    'about:',
    'app.example.com',
    'evil.example',
    ':443',
    ':444',
  ],
  ...['\u202e', '。', '／', 'а', 'x', '', '\ud800', APP],
)
const addresses = fc.oneof(
  fc.array(parts, { maxLength: 9 }).map(list => list.join('')),
  fc.webUrl(),
  fc.webPath(),
  fc.string({ unit: 'binary' }),
  fc.constantFrom(...foreign, ...own.map(([given]) => given)),
)
const pages = fc.constantFrom(HERE, `${APP}/`, `${APP}/a/b/c/?x#y`, `${APP}//double`, `${APP}/a//b/`)

const read = (address: string | URL, here: string): string | null => {
  try {
    return toLocalAddress(address, here)
  } catch (error) {
    expect(error).toMatchObject({ code: 'invalid_option', message: expect.stringContaining('"returnTo"') })
    return null
  }
}

test.each([
  ['/?code=old&state=unknown', '/', '/'],
  ['/#error=x&state=unknown', '/', '/'],
  ['/callback?code=old&state=unknown', '/callback', '/'],
  ['/app/?code=old&state=unknown', '/app/', '/app/'],
  // Not the page of an answer, and so a page of the app.
  ['/stores?state=CA&code=94103', '/', '/stores?state=CA&code=94103'],
])('O10 a login on %s, where answers come to %s, comes back to %s', async (page, redirectUri, expected) => {
  const world = createOAuthWorld({ href: APP + page, oauth: { redirectUri } })
  void world.client.login().catch(() => {})
  const next = world.reload(await world.answered())
  expect(await next.client.ready()).toMatchObject({ status: 'authenticated' })
  expect(next.windows.href()).toBe(APP + expected)
})

describe('O12 the address after the login', () => {
  test('O12 is of this origin, whatever was given, and on whatever page', () => {
    fc.assert(
      fc.property(addresses, pages, pages, (given, here, later) => {
        const local = read(given, here)
        if (local === null) return
        expect(local).toMatch(/^\/(?![/\\])/)
        // It is read again after the return, on another page.
        expect(new URL(local, later).origin).toBe(APP)
        expect(read(local, later)).toBe(local)
      }),
      { numRuns: 3_000 },
    )
  })

  test('O12 every address of this origin that no browser can misread is taken, and given as a URL it is the same', () => {
    fc.assert(
      fc.property(addresses, pages, (given, here) => {
        const url = URL.canParse(given, here) ? new URL(given, here) : null
        const isOwn = url?.protocol === 'https:' && url.origin === APP && !url.pathname.startsWith('//')
        const local = isOwn ? url.pathname + url.search + url.hash : null
        expect(read(given, here)).toBe(local)
        if (url) expect(read(url, here)).toBe(local)
      }),
      { numRuns: 3_000 },
    )
  })

  test.each(foreign)('O12 %j is refused at "login", and nothing is stored or left', async returnTo => {
    const world = createOAuthWorld()
    for (const request of [{ returnTo }, { returnTo, automatic: true }, { returnTo, popup: true }]) {
      const { left, asked } = world.windows
      await expect(Promise.race([world.client.login(request), left(), asked()])).rejects.toMatchObject({
        code: 'invalid_option',
        message: expect.stringContaining('"returnTo"'),
      })
    }
    expect([stored(world), world.calls(), world.windows.popups]).toEqual([[], [], []])
  })

  test.each<unknown>([42, true, {}, { href: '/orders' }, { toString: () => '/orders' }, null, () => '/'])(
    'O12 %j is no address',
    async returnTo => {
      const login = createOAuthWorld().client.login({ returnTo } as never)
      await expect(login).rejects.toMatchObject({ code: 'invalid_option' })
    },
  )

  test.each(own)('O12 %j is one of this origin: %s', async (returnTo, local) => {
    const world = createOAuthWorld()
    void world.client.login({ returnTo }).catch(() => {})
    const back = await world.back()
    expect(back.windows.shown.slice(1)).toEqual([APP + local])
  })
})

/** A login that the user has completed; the browser is about to show the address. */
async function answered(given?: Parameters<typeof createOAuthWorld>[0]) {
  const world = createOAuthWorld(given)
  void world.client.login().catch(() => {})
  const url = await world.answered()
  const [[name, text]] = stored(world) as [[string, string]]
  return { world, url, name, transaction: JSON.parse(text) as Record<string, unknown> }
}

describe('O12 what was stored of the login, changed by hand', () => {
  test('O12 no address of another origin is shown, and the login goes on', async () => {
    await fc.assert(
      fc.asyncProperty(addresses, async returnTo => {
        const { world, url, name, transaction } = await answered()
        world.storage.set(name, JSON.stringify({ ...transaction, returnTo }))
        const back = world.reload(url)
        const local = read(returnTo, url) ?? '/'
        expect(back.windows.shown.slice(1)).toEqual([APP + local])
        expect((await back.client.ready()).status).toBe('authenticated')
        back.close()
      }),
      { numRuns: 60 },
    )
  })

  test('O12 a router is told no address of another origin either', async () => {
    await fc.assert(
      fc.asyncProperty(addresses, async returnTo => {
        const told: string[] = []
        const { world, url, name, transaction } = await answered({
          oauth: { navigate: address => void told.push(address) },
        })
        world.storage.set(name, JSON.stringify({ ...transaction, returnTo }))
        const back = world.reload(url)
        expect(told).toEqual([read(returnTo, url) ?? '/'])
        back.close()
      }),
      { numRuns: 30 },
    )
  })

  const values = fc.oneof(
    fc.constantFrom(
      'redirect',
      'popup',
      'frame',
      'logout',
      'used',
      '',
      APP,
      `${APP}/`,
      'https://evil.example/',
    ),
    fc.constantFrom<unknown>(0, -1, 1e308, null, true, [], {}, undefined),
    fc.string(),
  )
  const names = fc.constantFrom(
    ...['v', 'client', 'how', 'at', 'returnTo', 'redirectUri', 'verifier', 'nonce', 'maxAge', 'acr', 'scope'],
    ...['key', '__proto__', 'constructor', 'more'],
  )

  test('O12 whatever else is changed: the app starts, stays on this origin, and nobody else gets the code', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(names, values), { minLength: 1, maxLength: 3 }), async changes => {
        const { world, url, name, transaction } = await answered()
        world.storage.set(name, JSON.stringify({ ...transaction, ...Object.fromEntries(changes) }))
        const back = world.reload(url)
        const session = back.client.ready()
        await back.clock.advance(11_000)
        expect(['authenticated', 'anonymous']).toContain((await session).status)
        expect(back.windows.shown.map(href => new URL(href).origin)).not.toContain('https://evil.example')
        expect(new Set(back.windows.shown.map(href => new URL(href).origin))).toEqual(new Set([APP]))
        expect(back.calls().filter(call => !['discovery', 'authorize', 'token'].includes(call))).toEqual([])
        expect(back.reported).toEqual([])
        back.close()
      }),
      { numRuns: 100 },
    )
  })

  test('O12 what is no JSON of ours is as if nothing were there', async () => {
    await fc.assert(
      fc.asyncProperty(fc.oneof(fc.string(), fc.json()), async text => {
        const { world, url, name } = await answered()
        world.storage.set(name, text)
        const back = world.reload(url)
        expect((await back.client.ready()).status).toBe('anonymous')
        expect([back.windows.shown, loginErrors(back), back.id.count('token')]).toEqual([[url], [], 0])
        back.close()
      }),
      { numRuns: 40 },
    )
  })
})

describe('O10 an address with an answer to no login of this client', () => {
  const text = fc.oneof(
    fc.string(),
    fc.constantFrom('x', 'access_denied', 'https://id.example.com', '%', '+'),
  )
  const parameters = fc.array(
    fc.tuple(
      fc.constantFrom('code', 'state', 'error', 'error_description', 'iss', 'session_state', 'id_token', 'x'),
      text,
    ),
    { minLength: 1, maxLength: 6 },
  )
  const paths = fc.constantFrom('/', '/inbox', '/callback/', '//', '/%2f', '/index.html')
  /** What a state can be taken for. */
  const twisted = fc.constantFrom<(state: string) => string>(
    state => state.slice(1),
    state => `${state}x`,
    state => state.toLowerCase().replace(/^[a-z]/, '_'),
    state => ` ${state}`,
    state => `${state}\0`,
    state => `../${state}`,
    state => `oauth:${state}`,
  )

  /** The browser shows it in a new tab, while somebody is signed in and another login is under way. */
  async function expectUntouched(world: OAuthWorld, address: string): Promise<void> {
    const kept = [...world.storage]
    const calls = world.calls().length
    const tab = world.open(address)
    expect((await tab.client.ready()).status).toBe('authenticated')
    await tab.settle()
    expect(tab.windows.shown).toEqual([address])
    expect(tab.windows.isClosed).toBe(false)
    expect([...tab.storage]).toEqual(kept)
    expect([loginErrors(tab), tab.calls().length - calls]).toEqual([[], 0])
    tab.close()
    // A tab answers only so many messages of the others in 20 s.
    tab.clock.tick(1_000)
  }

  test('O10 leaves address, session and storage as they were', async () => {
    const world = await loggedIn()
    void world.client.login({ prompt: 'login' }).catch(() => {})
    await world.windows.left()
    await fc.assert(
      fc.asyncProperty(paths, parameters, fc.boolean(), async (path, pairs, isFragment) => {
        const query = new URLSearchParams(pairs)
        await expectUntouched(world, new URL(`${APP}${path}${isFragment ? '#' : '?'}${query}`).href)
      }),
      { numRuns: 150 },
    )
  })

  test('O10 the state of a login that is under way, nearly, or at another page, is no answer to it', async () => {
    const world = await loggedIn()
    void world.client.login({ prompt: 'login' }).catch(() => {})
    const answer = new URL(await world.answered({ user: 'ada' }))
    const state = answer.searchParams.get('state') ?? ''
    await fc.assert(
      fc.asyncProperty(twisted, fc.boolean(), async (twist, isFragment) => {
        const query = new URLSearchParams(answer.search)
        query.set('state', twist(state))
        await expectUntouched(world, `${APP}/${isFragment ? '#' : '?'}${query}`)
      }),
      { numRuns: 30 },
    )
    for (const path of ['/callback', '//', '/index.html', '/%2f', '/inbox']) {
      await expectUntouched(world, `${APP}${path}${answer.search}`)
    }
  })

  test('O10 signs nobody in who is not, and asks the server for nothing', async () => {
    await fc.assert(
      fc.asyncProperty(paths, parameters, async (path, pairs) => {
        const href = new URL(`${APP}${path}?${new URLSearchParams(pairs)}`).href
        const world = createOAuthWorld({ href })
        expect(await world.client.ready()).toEqual({ status: 'anonymous', reason: 'initial' })
        expect([world.windows.shown, [...world.storage], world.calls()]).toEqual([[href], [], []])
        world.close()
      }),
      { numRuns: 60 },
    )
  })
})
