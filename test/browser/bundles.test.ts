import { globSync, readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type DemoServer, startServer } from '../../demo/server/server.ts'
import { bundle, bundlerNames } from '../tools/bundlers.ts'
import { entries, installPacked, manifest } from '../tools/package.ts'
import { engines } from './browsers.ts'
import { describeEngine } from './describe-engine.ts'
import type { Browser, Tab } from './engine.ts'
import { type Front, serveBefore } from './front.ts'

const ENDPOINTS = { login: '/auth/login', refresh: '/auth/refresh_token', logout: '/auth/logout' }
/** An app that uses this entry. */
const using = (entry: string) => `
  import { createAuthClient, shareTabs } from '${entry}'
  window.auth = createAuthClient({ tabs: shareTabs(), endpoints: ${JSON.stringify(ENDPOINTS)} })
`
const CLIENTS = ['silent-refresh', 'silent-refresh/core']

let app: string
/** By bundler and entry. */
const bundles = new Map<string, string>()

beforeAll(async () => {
  app = await mkdtemp(join(tmpdir(), 'silent-refresh-bundles-'))
  installPacked(app)
  for (const name of bundlerNames) {
    for (const entry of CLIENTS) bundles.set(`${name} ${entry}`, await bundle(name, app, using(entry)))
  }
})
afterAll(() => rm(app, { recursive: true, force: true }))

/** What survives a minifier, of each part that not every app should carry. */
const PARTS: Record<string, RegExp> = {
  ky: /ForceRetryError/,
  oauth2: /grant_type/,
  webStorage: /\(\)\.getItem\(/,
  'the testing kit': /invalid_credentials/,
}
const parts = (text: string) => Object.keys(PARTS).filter(name => PARTS[name]!.test(text))

/** What a binding may import: its framework, by the first part of the name. */
const FRAMEWORKS: Record<string, string[]> = {
  react: ['react'],
  vue: ['vue'],
  svelte: ['svelte'],
  solid: ['solid-js'],
  angular: ['@angular', 'rxjs'],
}
const last = (entry: string) => entry.split('/')[1] ?? ''
const bindings = entries.filter(entry => last(entry) in FRAMEWORKS)

describe.each(bundlerNames)('what an app gets from %s', name => {
  test('P3 all that it asks for', async () => {
    const code = `export * from 'silent-refresh'; export * as testing from 'silent-refresh/testing/core'`
    expect(parts(await bundle(name, app, code))).toEqual(Object.keys(PARTS))
  })

  test('P3 nothing that it does not: unused exports fall away, and core brings no ky', () => {
    expect(parts(bundles.get(`${name} silent-refresh`)!)).toEqual(['ky'])
    expect(parts(bundles.get(`${name} silent-refresh/core`)!)).toEqual([])
  })

  test.each(bindings)('P3 with a binding its own framework and nothing else: %s', async entry => {
    const text = await bundle(name, app, `export * from '${entry}'`, Object.keys(manifest.peerDependencies))
    const imported = [...text.matchAll(/\b(?:from|import)\s*["']([^"']+)["']/g)].map(found => found[1]!)
    expect(imported).not.toEqual([])
    expect(imported.filter(from => !FRAMEWORKS[last(entry)]!.includes(from.split('/')[0]!))).toEqual([])
    expect(text).not.toMatch(/BroadcastChannel/)
  })
})

/** What a client can be given; what is in their bundles is looked at in test/compositions.test.ts. */
const ADDED = ['silent-refresh/devtools', 'silent-refresh/dpop', 'silent-refresh/oauth']
/** The devtools as components, which test/devtools-production.test.ts looks at. */
const COMPONENTS = ['silent-refresh/devtools/react', 'silent-refresh/devtools/vue']

test('P3 every entry is a client, what one can be given, a binding that is looked at, or the testing kit', () => {
  expect(bindings.map(last)).toEqual(Object.keys(FRAMEWORKS))
  const rest = entries.filter(entry => ![...CLIENTS, ...bindings].includes(entry))
  const kit = ['silent-refresh/testing', 'silent-refresh/testing/contract', 'silent-refresh/testing/core']
  expect(rest.toSorted()).toEqual([...ADDED, ...COMPONENTS, ...kit].toSorted())
})

/** Everything that a page needs to import the package without a bundler. */
function plainFiles(): Map<string, string> {
  const files = new Map<string, string>()
  for (const folder of ['silent-refresh/dist', 'ky/distribution', 'jwt-decode/build/esm']) {
    const from = resolve(app, 'node_modules', folder)
    for (const file of globSync('**/*.js', { cwd: from })) {
      files.set(`/modules/${folder}/${file}`, readFileSync(join(from, file), 'utf8'))
    }
  }
  return files
}

const IMPORTS = {
  'silent-refresh': '/modules/silent-refresh/dist/index.js',
  'silent-refresh/core': '/modules/silent-refresh/dist/core.js',
  ky: '/modules/ky/distribution/index.js',
  'jwt-decode': '/modules/jwt-decode/build/esm/index.js',
}
const importMap = `<script type="importmap">${JSON.stringify({ imports: IMPORTS })}</script>`

for (const engine of engines) {
  describeEngine(engine, () => {
    let server: DemoServer
    let front: Front
    let browser: Browser
    let tab: Tab

    beforeAll(async () => {
      const files = plainFiles()
      for (const entry of CLIENTS) {
        files.set(`/plain/${entry}`, `${importMap}<script type="module">${using(entry)}</script>`)
        for (const name of bundlerNames) {
          files.set(`/${name}/${entry}`, `<script type="module" src="/${name}/${entry}.js"></script>`)
          files.set(`/${name}/${entry}.js`, bundles.get(`${name} ${entry}`)!)
        }
      }
      server = await startServer({ port: 0, passwordCost: 4, db: join(app, `${engine.name}.db`) })
      front = await serveBefore(server.url, files)
      browser = await engine.launch()
      tab = await browser.newTab()
    })
    afterAll(async () => {
      await browser?.close()
      front?.close()
      await server?.close()
    })

    const ways = [...bundlerNames, 'plain'].flatMap(way => CLIENTS.map(entry => [way, entry] as const))
    test.each(ways)('P3 a page logs in, calls the API and refreshes: %s, %s', async (way, entry) => {
      await tab.goto(`${front.url}/${way}/${entry}`)
      await tab.waitFor(() => 'auth' in window)
      const seen = await tab.evaluate(async () => {
        const { auth } = window
        await auth.login({ email: 'ada@example.com', password: 'correct horse battery staple' })
        const first = (await auth.fetch('/api/items')).status
        await fetch('/demo/revoke-access', { method: 'POST' })
        const replayed = (await auth.fetch('/api/items')).status
        const viaApi = auth.api ? (await auth.api.get('api/items')).status : null
        const { revoked } = await auth.logout()
        return { first, replayed, viaApi, revoked, status: auth.session.status }
      })
      expect(seen).toEqual({
        first: 200,
        replayed: 200,
        viaApi: entry === 'silent-refresh' ? 200 : null,
        revoked: true,
        status: 'anonymous',
      })
      if (tab.console) expect(tab.console.filter(({ kind }) => kind === 'pageerror')).toEqual([])
    })
  })
}
