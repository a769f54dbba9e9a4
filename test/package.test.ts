import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, relative, resolve } from 'node:path'
import { promisify } from 'node:util'
import { beforeAll, describe, expect, test } from 'vitest'
import { entries, pack } from './tools/package.ts'
import { PAGES, placeIn, readPages, withPlace } from './tools/places.ts'
import { judgeSizes, measureSizes, type Size, sizeTables } from './tools/sizes.ts'

const root = resolve(import.meta.dirname, '..')
const node = resolve(root, 'node_modules/.bin/node')
const run = promisify(execFile)

/** What pages may link to although the package does not have it: it is for contributors, or a picture. */
const REPOSITORY = ['CONTRIBUTING.md', 'demo/', 'docs/architecture.md', 'docs/plots/', 'docs/shots/', 'test/']

describe('P2 what is published', () => {
  let files: string[]
  beforeAll(() => {
    const folder = mkdtempSync(resolve(tmpdir(), 'silent-refresh-packed-'))
    files = pack(folder).files
    rmSync(folder, { recursive: true })
  })

  test('P2 every link of its pages leads to a file of the package, or to one that the repository alone has', () => {
    const pages = files.filter(path => path.endsWith('.md'))
    expect(pages).toEqual(
      expect.arrayContaining(['README.md', 'SECURITY.md', 'docs/guide.md', 'docs/providers/auth0.md']),
    )
    const left = new Set(REPOSITORY)
    const broken = pages.flatMap(page => {
      const text = readFileSync(resolve(root, page), 'utf8').replace(/^\s*```.*?^\s*```$/gms, '')
      return [...text.matchAll(/\]\(([^)#\s]+)[^)]*\)/g)].flatMap(([, target = '']) => {
        if (/^(https?|mailto):|^\.\.\/\.\.\/security\//.test(target)) return []
        const path = relative(root, resolve(root, dirname(page), target))
        const named = REPOSITORY.find(one => (one.endsWith('/') ? path.startsWith(one) : path === one))
        if (named) left.delete(named)
        return named || files.includes(path) ? [] : [`${page} → ${target}`]
      })
    })
    expect(broken).toEqual([])
    expect([...left]).toEqual([])
  })

  test('P2 it says who made it, and which Node it needs: no newer one than its dependencies, and no older one', () => {
    const { author, engines, dependencies } = JSON.parse(readFileSync(resolve(root, 'package.json'), 'utf8'))
    expect(readFileSync(resolve(root, 'LICENSE'), 'utf8')).toContain(`Copyright (c) 2026 ${author}`)
    const least = Number(/^>=(\d+)/.exec(engines.node)?.[1])
    const needed = Object.keys(dependencies).map(name => {
      const text = readFileSync(resolve(root, 'node_modules', name, 'package.json'), 'utf8')
      return Number(/^>=(\d+)/.exec(JSON.parse(text).engines?.node ?? '')?.[1] ?? 0)
    })
    expect(least).toBe(Math.max(...needed))
    expect(readFileSync(resolve(root, 'README.md'), 'utf8')).toContain(
      `| Node | ${engines.node.slice(2)} or later`,
    )
  })
})

/** For a Node of its own, without DOM: notes each look at a global that could tempt a browser SDK. */
const PRELUDE = `
// Node loads its fetch when somebody first asks, as ky does to see what it can: that is Node's own doing.
new Request('https://example.com')
const touched = []
const watched = [
  'window', 'document', 'location', 'history', 'localStorage', 'sessionStorage', 'indexedDB', 'caches',
  'navigator', 'BroadcastChannel', 'addEventListener', 'reportError', 'fetch', 'performance', 'setTimeout',
  'setInterval', 'setImmediate', 'queueMicrotask', 'console', 'XMLHttpRequest', 'Worker',
]
for (const name of watched) {
  const value = Reflect.get(globalThis, name)
  const get = () => (touched.push(name), value)
  Object.defineProperty(globalThis, name, { configurable: true, get, set: () => touched.push(name + ' =') })
}
const snapshot = () => Reflect.ownKeys(globalThis).map(String).join()
const keys = snapshot()
const listeners = () => process.eventNames().map(name => [String(name), process.listenerCount(name)])
const before = JSON.stringify([listeners(), process.getActiveResourcesInfo()])
const { createAuthClient, isAuthError, shareTabs } = await import(process.argv[1])
const onImport = touched.splice(0)
const untouched = keys === snapshot()
const quiet = before === JSON.stringify([listeners(), process.getActiveResourcesInfo()])
const outcome = error => isAuthError(error) ? error.code : 'FOREIGN ' + error
const attempt = promise => promise.catch(outcome)
const tell = result => process.stdout.write(JSON.stringify(result))
let calls = 0
const answer = async () => { calls++; return Response.json({ access_token: 'opaque', expires_in: 3600 }) }
`

/** What the script tells; the process must end by itself, at once and without a word. */
async function inNode(entry: string, script: string): Promise<unknown> {
  const started = ['--input-type=module', '--no-warnings', '-e', PRELUDE + script, resolve(root, entry)]
  const { stdout, stderr } = await run(node, started, { timeout: 20_000 })
  expect(stderr).toBe('')
  return JSON.parse(stdout)
}

test.each([
  ['the testing kit without MSW', 'src/testing/core.ts'],
  ['the contract test', 'src/testing/contract/index.ts'],
])('P1 importing %s touches no global, patches none, and starts nothing', async (_, entry) => {
  expect(await inNode(entry, 'tell({ onImport, untouched, quiet })')).toEqual({
    onImport: [],
    untouched: true,
    quiet: true,
  })
})

describe.each(['src/index.ts', 'src/core.ts'])('P1 on a server: %s', entry => {
  test('P1 importing touches no global, patches none, and starts nothing', async () => {
    expect(await inNode(entry, 'tell({ onImport, untouched, quiet })')).toEqual({
      onImport: [],
      untouched: true,
      quiet: true,
    })
  })

  test('P1 creating a client looks whether there is a window, and which fetch there is, and at nothing else', async () => {
    const script = `
      createAuthClient({ tabs: shareTabs() })
      createAuthClient({ tabs: false, baseUrl: 'https://api.example.com', restore: 'auto' })
      const still = before === JSON.stringify([listeners(), process.getActiveResourcesInfo()])
      tell({ touched: [...new Set(touched)], still })
    `
    expect(await inNode(entry, script)).toEqual({ touched: ['window', 'fetch'], still: true })
  })

  test('P1 ready() resolves "unknown" with no call; nobody is signed in and nobody can be', async () => {
    const script = `
      const auth = createAuthClient({ tabs: shareTabs(), baseUrl: 'https://api.example.com', fetch: answer })
      const { session } = auth
      const result = {
        ready: await attempt(auth.ready()),
        token: await attempt(auth.getAccessToken()),
        login: await attempt(auth.login({})),
        setTokens: await attempt(auth.setTokens({ accessToken: 'opaque' })),
        refresh: await attempt(auth.refresh()),
      }
      const stores = touched.filter(name => /Storage|document|location/.test(name))
      tell({ ...result, same: auth.session === session, calls, stores })
    `
    expect(await inNode(entry, script)).toEqual({
      ready: { status: 'unknown', error: null },
      token: null,
      login: 'unsupported',
      setTokens: 'unsupported',
      refresh: 'unsupported',
      same: true,
      calls: 0,
      stores: [],
    })
  })

  test('P1 a request goes out, without a token', async () => {
    const script = `
      const seen = []
      const fetch = async (url, { headers } = {}) => {
        seen.push([String(url), new Headers(headers).get('authorization')])
        return new Response()
      }
      const auth = createAuthClient({ tabs: shareTabs(), baseUrl: 'https://api.example.com', fetch })
      await auth.fetch('https://api.example.com/items')
      tell(seen)
    `
    expect(await inNode(entry, script)).toEqual([['https://api.example.com/items', null]])
  })

  test('P1 "server: true" allows login, setTokens and refresh, and nothing is stored', async () => {
    const script = `
      const options = { baseUrl: 'https://api.example.com', fetch: answer, server: true }
      const create = () => createAuthClient(options)
      const results = []
      for (const [name, ...given] of [['login', {}], ['setTokens', { accessToken: 'opaque' }], ['refresh']]) {
        const auth = create()
        const { status } = await attempt(auth[name](...given))
        results.push([name, status, await auth.getAccessToken(), (await auth.logout()).revoked])
        auth.dispose()
      }
      tell({ results, stores: touched.filter(name => /Storage|document|location/.test(name)) })
    `
    expect(await inNode(entry, script)).toEqual({
      results: ['login', 'setTokens', 'refresh'].map(name => [name, 'authenticated', 'opaque', true]),
      stores: [],
    })
  })

  test('P1 where neither a page nor "baseUrl" says where the backend is, the error is ours', async () => {
    const script = `
      const auth = createAuthClient({ server: true, fetch: answer })
      const { revoked, error } = await auth.logout()
      const login = await attempt(auth.login({}))
      const refresh = await attempt(auth.refresh())
      tell({ login, refresh, calls, revoked, ours: isAuthError(error) })
    `
    expect(await inNode(entry, script)).toEqual({
      login: expect.not.stringContaining('FOREIGN'),
      refresh: expect.not.stringContaining('FOREIGN'),
      calls: 0,
      revoked: false,
      ours: true,
    })
  })
})

describe('what `npm run check` makes of sizes', () => {
  let measured: Size[]
  /** Every budget just as large as what it is for. */
  let exact: Size[]
  /** As they should be printed; between a change of the sources and that of the pages the real ones are behind. */
  let pages: Record<string, string>

  const withBudgets = (size: Size, slack: number): Size => ({
    ...size,
    sizeLimit: size.size + slack,
    ...(size.added && { added: { ...size.added, sizeLimit: size.added.size + slack } }),
  })

  beforeAll(() => {
    measured = measureSizes()
    exact = measured.map(one => withBudgets(one, 0))
    pages = readPages()
    for (const [place, text] of Object.entries(sizeTables(measured))) {
      for (const [path, page] of Object.entries(pages)) pages[path] = withPlace(page, place, text)
    }
  })

  test('P6 every entry that ships has a budget; the testing kit ships with no app', () => {
    const shipped = entries.filter(entry => !entry.includes('/testing'))
    const measuredEntries = measured.flatMap(({ composition }) => composition.name.split(',')[0]!)
    expect([...new Set(measuredEntries)].sort()).toEqual(shipped.sort())
  })

  test('P6 an addition is what its composition has beside core with `tabs: false`', () => {
    const [plain] = measured
    const additions = measured.filter(({ added }) => added)
    expect(additions.map(({ composition }) => composition.addition)).toEqual([
      'webStorage()',
      'idleTimeout()',
      'doubleSubmit()',
      'cookieMode()',
      'dpop()',
    ])
    for (const { size, added } of additions) expect(added!.size).toBe(size - plain!.size)
  })

  test.each(PAGES)('P6 %s that prints another size than the one measured fails', path => {
    expect(() => judgeSizes(exact, pages)).not.toThrow()
    const [place, text] = Object.entries(sizeTables(measured)).find(
      ([name]) => placeIn(pages[path]!, name) !== undefined,
    )!
    for (const [figure] of text.matchAll(/\+?\d+\.\d(?= \|)/g)) {
      const other = (Number(figure) + 0.1).toFixed(1)
      const wrong = { ...pages, [path]: withPlace(pages[path]!, place, text.replace(figure, other)) }
      expect(() => judgeSizes(exact, wrong), figure).toThrow(`${path} shows other sizes`)
    }
    const without = { ...pages, [path]: pages[path]!.replaceAll(`bench:${place}`, 'bench:gone') }
    expect(() => judgeSizes(exact, without)).toThrow(`no page has a place for ${place}`)
  })

  test('P6 a budget that is exceeded by one byte fails', () => {
    for (const [index, { composition, size, added }] of exact.entries()) {
      const tight = (one: Size) => exact.with(index, one)
      expect(() => judgeSizes(tight({ ...exact[index]!, sizeLimit: size - 1 }), pages)).toThrow(
        `${composition.name}: ${size} B, budget ${size - 1} B`,
      )
      if (!added) continue
      const over = { ...exact[index]!, added: { ...added, sizeLimit: added.size - 1 } }
      expect(() => judgeSizes(tight(over), pages)).toThrow(
        `${composition.addition} adds ${added.size} B, budget ${added.size - 1} B`,
      )
    }
  })
})
