import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { type DemoServer, startServer } from '../../demo/server/server.ts'
import { type App, installApp } from '../apps/install.ts'
import { blocks } from '../bindings/doc-blocks.ts'
import { chromium } from './browsers.ts'
import { describeEngine } from './describe-engine.ts'
import type { Browser, Tab } from './engine.ts'
import { until } from './site.ts'

const password = 'correct horse battery staple'
const REFRESH = '/auth/refresh_token'

const shown = blocks.filter(({ page }) => /frameworks(\/svelte(kit)?)?\.md$/.test(page))
const codeOf = (file: string) => shown.find(block => block.file === file)!.code

/** The test's app has pages of its own: what they show is what the tests look for. */
const isOwn = (file: string) =>
  existsSync(resolve(import.meta.dirname, '../apps/sveltekit', file.replace(/\.ts$/, '.js')))

/** What the docs show, at the places that they name. */
const fromDocs = Object.fromEntries(
  shown
    .filter(({ file }) => file.startsWith('src/') && !isOwn(file))
    .map(({ file, code }) => [file, code])
    .concat(
      ['return-to.ts', 'Account.svelte', 'Store.svelte'].map(file => [`src/lib/${file}`, codeOf(file)]),
      [['src/routes/(members)/+layout.svelte', codeOf('src/routes/(app)/+layout.svelte')]],
    ),
)

describeEngine(chromium, () => {
  let app: App
  /** Of the page, and of the server, which has no cookie to show beside the token. */
  let backend: DemoServer
  let direct: DemoServer
  let server: ChildProcess
  let url: string
  let browser: Browser
  let tab: Tab

  beforeAll(async () => {
    app = installApp('sveltekit', fromDocs)
    app.run('node_modules/vite/bin/vite.js', 'build')
    backend = await startServer({ passwordCost: 4, accessTtl: 60 })
    direct = await startServer({ passwordCost: 4, mode: 'body' })
    server = spawn(process.execPath, ['server.js'], {
      cwd: app.folder,
      env: { ...process.env, BACKEND_URL: backend.url, API_URL: direct.url },
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const [port] = await once(server.stdout!, 'data')
    url = `http://127.0.0.1:${String(port).trim()}`
    browser = await chromium.launch()
  })
  afterAll(async () => {
    await browser?.close()
    server?.kill()
    await backend?.close()
    await direct?.close()
    app?.remove()
  })
  beforeEach(async () => {
    await tab?.close()
    await browser.raw!.deleteCookie(...(await browser.raw!.cookies()))
    backend.faults.set({ ...backend.faults.state(), refresh: 'none' })
    backend.log.clear()
    tab = await watch()
  })

  /** A tab that keeps everything that was on its screen, over navigations too, and the heading that it was served. */
  async function watch(): Promise<Tab> {
    const tab = await browser.newTab()
    await tab.raw!.evaluateOnNewDocument(() => {
      const look = () => {
        const text = document.body?.innerText.replace(/\s+/g, ' ').trim()
        const screens = JSON.parse(sessionStorage.getItem('screens') ?? '[]')
        if (text && screens.at(-1) !== text)
          sessionStorage.setItem('screens', JSON.stringify([...screens, text]))
        Object.assign(window, { served: Reflect.get(window, 'served') ?? document.querySelector('h1') })
      }
      new MutationObserver(look).observe(document, { childList: true, subtree: true, characterData: true })
    })
    return tab
  }
  /** Since the last call. */
  const screens = () =>
    tab.evaluate(() => {
      const all = JSON.parse(sessionStorage.getItem('screens') ?? '[]') as string[]
      sessionStorage.removeItem('screens')
      return all
    })
  const shows = (text: string) =>
    tab.waitFor(wanted => document.body?.innerText.replace(/\s+/g, ' ').includes(wanted), text)
  const address = () => tab.evaluate(() => location.pathname + location.search)
  const refreshes = () => backend.log.entries().filter(({ path }) => path === REFRESH)
  const ITEMS = 'Items Write the first program'

  async function signIn(): Promise<void> {
    await tab.goto(`${url}/login`)
    await tab.click('#login')
    await shows('Sign out Ada Lovelace')
    await screens()
    backend.log.clear()
  }
  const served = async (path: string, token?: string) =>
    (await fetch(`${url}${path}`, { headers: token ? { Cookie: `access_token=${token}` } : {} })).text()

  test('S7 what a server fetches for two users at once is each one’s own, and its module keeps nobody', async () => {
    const tokens = await Promise.all(
      ['ada', 'grace'].map(async user => {
        const answer = await fetch(`${direct.url}/auth/login`, {
          method: 'POST',
          headers: { 'Content-Type': 'application/json', Origin: direct.url },
          body: JSON.stringify({ email: `${user}@example.com`, password }),
        })
        return ((await answer.json()) as { access_token: string }).access_token
      }),
    )
    const [ada, grace] = tokens as [string, string]
    const pages = await Promise.all(
      [ada, grace, ada, undefined, grace].map(token => served('/profile', token)),
    )
    const names = pages.map(html => /<p id="profile">([^<]+)</.exec(html)?.[1])
    expect(names).toEqual(['Ada Lovelace', 'Grace Hopper', 'Ada Lovelace', 'nobody', 'Grace Hopper'])
    for (const html of pages) expect(html).toContain('<p id="module">unknown</p>')
    expect(await served('/profile', `${ada}x`)).toContain('<p id="profile">nobody</p>')
  })

  test('P1 a server renders "unknown" for everybody, and who hydrates it never sees the login before their name', async () => {
    expect(await served('/')).toMatch(/<p>One moment …<\/p>.*<p>unknown<\/p>/)
    await signIn()
    await tab.goto(url)
    await shows('Sign out Ada Lovelace')
    expect(await screens()).toEqual(['Home One moment … unknown', 'Home Sign out Ada Lovelace authenticated'])
    expect(await tab.evaluate(() => Reflect.get(window, 'served') === document.querySelector('h1'))).toBe(
      true,
    )
    expect(refreshes()).toHaveLength(1)
  })

  test('the guard lets in who is being restored, with no flash of the login page', async () => {
    await signIn()
    await tab.goto(`${url}/items?page=2`)
    await shows(ITEMS)
    for (const screen of await screens()) expect(screen).toMatch(/^Items/)
    expect(await address()).toBe('/items?page=2')
    expect(refreshes()).toHaveLength(1)
  })

  test('the guard sends who is signed out to the login page, and back', async () => {
    await tab.goto(`${url}/items?page=2`)
    await shows('Login')
    expect(await address()).toBe(`/login?${new URLSearchParams({ to: '/items?page=2' })}`)
    await tab.click('#login')
    await shows(ITEMS)
    expect(await address()).toBe('/items?page=2')
  })

  test('the way back leads to no other site', async () => {
    await signIn()
    for (const to of ['//evil.example', '/.//evil.example', 'https://evil.example/', 'javascript:alert(1)']) {
      await tab.goto(`${url}/login?${new URLSearchParams({ to })}`)
      await shows('Home')
      expect(await tab.url()).toBe(`${url}/`)
    }
  })

  test('M3 a logout in another tab leads to the login page, and a login there back', async () => {
    await signIn()
    await tab.goto(`${url}/items`)
    await shows(ITEMS)
    const other = await browser.newTab()
    try {
      await other.goto(`${url}/items`)
      await other.click('#logout')
      await shows('Login')
      await other.click('#login')
      await shows(ITEMS)
    } finally {
      await other.close()
    }
  })

  test('F8 who comes during an outage waits for its end where they are', async () => {
    await signIn()
    backend.faults.set({ ...backend.faults.state(), refresh: '500' })
    await tab.goto(`${url}/items?page=2`)
    await until(() => refreshes().length > 0)
    await shows('One moment …')
    backend.faults.set({ ...backend.faults.state(), refresh: 'none' })
    await shows(ITEMS)
    expect(await address()).toBe('/items?page=2')
    for (const screen of await screens()) expect(screen).not.toContain('Login')
  })

  // This backend refuses what a guard asks a provider for.
  test('a login that was refused is shown in the place of the page, until somebody is signed in', async () => {
    await tab.goto(`${url}/members?page=2`)
    await shows('Sign in')
    expect(await address()).toBe('/members?page=2')
    for (const screen of await screens()) expect(screen).not.toContain('Members')
    const tries = () => backend.log.entries().filter(({ path }) => path === '/auth/login').length
    const before = tries()
    await tab.click('button')
    await until(() => tries() > before)
    const other = await browser.newTab()
    try {
      await other.goto(`${url}/login`)
      await other.click('#login')
      await shows('Members')
      await other.goto(`${url}/items`)
      await other.click('#logout')
      await shows('Sign in')
      expect(await address()).toBe('/members?page=2')
    } finally {
      await other.close()
    }
  })
})
