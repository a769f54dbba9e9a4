import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { build } from 'esbuild'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { type DemoServer, startServer } from '../../demo/server/server.ts'
import { root } from '../tools/report.ts'
import { chromium } from './browsers.ts'
import { describeEngine } from './describe-engine.ts'
import type { Browser, Tab } from './engine.ts'

const REFRESH = '/auth/refresh_token'
const credentials = { email: 'ada@example.com', password: 'correct horse battery staple' }

describeEngine(chromium, () => {
  let folder: string
  let server: DemoServer
  let browser: Browser
  let tab: Tab

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'silent-refresh-react-'))
    await build({
      entryPoints: [resolve(import.meta.dirname, 'pages/react.ts')],
      alias: {
        'silent-refresh': resolve(root, 'dist/index.js'),
        'silent-refresh/react': resolve(root, 'dist/bindings/react.js'),
      },
      outfile: join(folder, 'react.js'),
      // React's own checks of StrictMode are in its build for development.
      define: { 'process.env.NODE_ENV': '"development"' },
      // The package's word that no file does anything by itself would hold for the page as well.
      ignoreAnnotations: true,
      bundle: true,
      format: 'esm',
      target: 'es2022',
      logLevel: 'error',
    })
    await writeFile(
      join(folder, 'index.html'),
      '<!doctype html><title>React</title><script type="module" src="/react.js"></script>',
    )
    server = await startServer({ staticRoot: folder, passwordCost: 4, accessTtl: 60 })
    browser = await chromium.launch()
  })
  afterAll(async () => {
    await browser?.close()
    await server?.close()
    await rm(folder, { recursive: true, force: true })
  })
  beforeEach(async () => {
    tab = await open()
    await tab.evaluate(async given => void (await window.auth.login(given)), credentials)
    await shows('#status', 'authenticated')
    server.log.clear()
  })
  afterEach(async () => {
    await tab.evaluate(async () => void (await window.auth.logout()))
    await tab.close()
  })

  async function open(): Promise<Tab> {
    const tab = await browser.newTab()
    await tab.goto(server.url)
    await tab.waitFor(() => /^a/.test(document.querySelector('#status')?.textContent ?? ''))
    return tab
  }
  const shows = (selector: string, text: string, where = tab) =>
    where.waitFor((wanted, text) => document.querySelector(wanted)?.textContent === text, selector, text)
  const calls = (path: string) => server.log.entries().filter(entry => entry.path === path)
  /** What the rows showed at each commit, once there were some. */
  const commits = () => tab.evaluate(() => window.commits.filter(shown => shown !== ''))
  const complaints = () =>
    (tab.console ?? []).filter(
      ({ kind, text }) =>
        /^(warn|error|pageerror)$/.test(kind) && !text.startsWith('Failed to load resource'),
    )

  test('C6 StrictMode mounts twice, and the session is restored once', async () => {
    await tab.reload()
    await shows('#status', 'authenticated')
    await shows('#name', credentials.email)
    expect(await tab.evaluate(() => window.renders.status)).toBeGreaterThanOrEqual(2)
    expect(calls(REFRESH)).toHaveLength(1)
    expect(complaints()).toEqual([])
  })

  test('a refresh renders those that show when the token ends, and nobody else', async () => {
    const [before, after] = await tab.evaluate(async () => {
      const look = () => ({
        renders: { ...window.renders },
        end: document.querySelector('#expiry')?.textContent,
      })
      const before = look()
      await window.auth.refresh()
      await new Promise(resolve => requestAnimationFrame(() => setTimeout(resolve)))
      return [before, look()] as const
    })
    expect(after.end).not.toBe(before.end)
    const { expiry = 0 } = before.renders
    expect(after.renders).toEqual({ ...before.renders, expiry: expiry + 2 })
  })

  test('a logout in the middle of a transition is shown by every row, or by none', async () => {
    const rendered = await tab.evaluate(async () => {
      const opened = window.openRows()
      while (window.renderedRows === 0) await new Promise(resolve => setTimeout(resolve))
      const rendered = window.renderedRows
      void window.auth.logout()
      await opened
      return rendered
    })
    expect(rendered).toBeLessThan(30)
    expect(await commits()).toEqual(['anonymous anonymous'])
  })

  test('a deferred value lags behind for all rows alike', async () => {
    await tab.evaluate(() => window.openRows())
    await tab.evaluate(() => void window.auth.logout())
    await tab.waitFor(() => window.commits.at(-1) === 'anonymous anonymous')
    const expected = ['authenticated authenticated', 'anonymous authenticated', 'anonymous anonymous']
    expect(await commits()).toEqual(expected)
  })

  test('M3 a logout in another tab is shown at once, and so is a login there', async () => {
    const other = await open()
    await shows('#name', credentials.email, other)
    await other.evaluate(async () => void (await window.auth.logout()))
    await shows('#status', 'anonymous')
    await shows('#name', 'nobody')
    await other.evaluate(async given => void (await window.auth.login(given)), credentials)
    await shows('#name', credentials.email)
    await other.close()
    expect(complaints()).toEqual([])
  })

  test('unmounting leaves the client as it is', async () => {
    await tab.evaluate(() => window.unmount())
    expect(await tab.evaluate(async () => (await window.auth.fetch('/api/items')).status)).toBe(200)
    expect(complaints()).toEqual([])
  })
})
