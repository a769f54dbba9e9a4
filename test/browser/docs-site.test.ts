import { spawn } from 'node:child_process'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { resolve } from 'node:path'
import { serve } from '@hono/node-server'
import { serveStatic } from '@hono/node-server/serve-static'
import axe from 'axe-core'
import { Hono } from 'hono'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { root } from '../tools/report.ts'
import { axeFaults } from './axe.ts'
import { chromium } from './browsers.ts'
import { describeEngine } from './describe-engine.ts'
import type { Browser, Tab } from './engine.ts'

// The documentation as readers get it: built, and under a path of its host, as GitHub Pages has it.

const BASE = '/silent-refresh/'

async function build(): Promise<void> {
  const child = spawn('npm', ['run', 'docs:build'], { cwd: root, env: { ...process.env, SITE_BASE: BASE } })
  let printed = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', part => (printed += part))
  const [status] = await once(child, 'close')
  expect(status, printed).toBe(0)
}

describeEngine(chromium, () => {
  let browser: Browser
  let tab: Tab
  let origin: string
  let server: ReturnType<typeof serve>

  beforeAll(async () => {
    await build()
    const files = serveStatic({
      root: resolve(root, 'docs/.vitepress/dist'),
      rewriteRequestPath: path => path.slice(BASE.length - 1),
    })
    server = serve({ fetch: new Hono().use(`${BASE}*`, files).fetch, hostname: '127.0.0.1', port: 0 })
    await once(server, 'listening')
    origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    browser = await chromium.launch()
    tab = await browser.newTab()
    await tab.raw!.setViewport({ width: 1280, height: 900 })
  }, 300_000)
  afterAll(async () => {
    await browser?.close()
    server?.close()
  })

  const open = (page: string) => tab.goto(`${origin}${BASE}${page}`)

  /** Until the page reacts, a click is lost. */
  const isAlive = () => tab.waitFor(() => '__vue_app__' in document.querySelector('#app')!)

  test.each(['re-render', 'expiry', 'logout', 'CORS', 'remember me'])(
    'the search for "%s" leads to a page that is about it',
    async words => {
      await open('guide.html')
      await isAlive()
      // The box begins with what was searched last, and searches again after each letter.
      await tab.evaluate(() => sessionStorage.clear())
      await tab.click('.DocSearch-Button')
      await tab.waitFor(() => document.querySelector('#localsearch-input'))
      await tab.evaluate(words => {
        const input = document.querySelector<HTMLInputElement>('#localsearch-input')!
        input.value = words
        input.dispatchEvent(new Event('input'))
      }, words)
      await tab.waitFor(() => document.querySelector('.VPLocalSearchBox a.result'))
      const [found = ''] = await tab.evaluate(() =>
        [...document.querySelectorAll<HTMLAnchorElement>('.VPLocalSearchBox a.result')].map(
          ({ href }) => href,
        ),
      )
      expect(found).toContain(origin + BASE)
      await tab.goto(found)
      const prose = await tab.evaluate(() => document.querySelector('main')!.textContent)
      expect(prose.toLowerCase(), found).toContain(words.toLowerCase())
    },
  )

  describe.each(['light', 'dark'])('in %s colours', value => {
    test.each(['', 'how-it-works.html', 'reference/silent-refresh/interfaces/AuthClient.html'])(
      'axe finds nothing on /%s',
      async page => {
        const still = { name: 'prefers-reduced-motion', value: 'reduce' }
        await tab.raw!.emulateMediaFeatures([{ name: 'prefers-color-scheme', value }, still])
        await open(page)
        await isAlive()
        await tab.waitFor(() =>
          [...document.querySelectorAll('.diagram')].every(diagram => diagram.querySelector('svg')),
        )
        await tab.raw!.evaluate(axe.source)
        expect(await axeFaults(tab)).toEqual([])
      },
    )
  })

  test('a page loads Mermaid only if it has a picture, and draws it again in other colours', async () => {
    const loaded = () =>
      tab.evaluate(
        () => performance.getEntriesByType('resource').filter(({ name }) => /mermaid/.test(name)).length,
      )
    await open('guide.html')
    await isAlive()
    expect(await loaded()).toBe(0)
    await open('how-it-works.html')
    await tab.waitFor(() => document.querySelector('.diagram svg'))
    expect(await loaded()).toBeGreaterThan(0)
    const first = await tab.evaluate(() => document.querySelector('.diagram svg')!.id)
    await tab.click('.VPSwitchAppearance')
    await tab.waitFor(first => document.querySelector('.diagram svg')?.id !== first, first)
  })

  test('the demo is a page of the site, and needs no server', async () => {
    await open('')
    await isAlive()
    await tab.click('.VPNavBarMenu a[href$="/try/"]')
    await tab.waitFor(() => document.body.dataset.session === 'anonymous')
    await tab.click('[data-testid="login-as-ada@example.com"]')
    await tab.waitFor(() => document.body.dataset.session === 'authenticated')
  })

  test('on a small screen nothing is wider than the screen, and the menu opens', async () => {
    await tab.raw!.setViewport({ width: 360, height: 740 })
    for (const page of ['', 'how-it-works.html', 'performance.html']) {
      await open(page)
      expect(await tab.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(360)
    }
    await isAlive()
    await tab.click('.VPLocalNav .menu')
    await tab.waitFor(() => document.querySelector('.VPSidebar.open a[href$="guide.html"]'))
  })
})
