import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { chromium, engines } from './browsers.ts'
import { cookieBackend } from './cookie-backend.ts'
import { describeEngine } from './describe-engine.ts'
import type { Browser, Tab } from './engine.ts'
import type { Origin } from './origin.ts'
import type { FrameAccount } from './pages/frame.ts'
import { ready, until } from './site.ts'

const startBackend = await cookieBackend(['client', 'frame', 'prerendered', 'worker'], 600, {
  '/elsewhere': '',
  '/waited': '',
  '/blank': '',
  '/before': `<a id="go" href="/prerendered">next</a><script type="speculationrules">
    {"prerender":[{"source":"list","urls":["/prerendered"],"eagerness":"immediate"}]}</script>`,
})

let backend: Origin
beforeEach(async () => {
  backend = await startBackend()
})
afterEach(() => backend.close())

const paths = () => backend.seen.map(({ url = '' }) => url.split('?')[0])
const calls = () => paths().filter(path => ['/login', '/refresh_token', '/items', '/logout'].includes(path!))

for (const engine of engines) {
  describeEngine(engine, () => {
    let browser: Browser
    let tab: Tab

    beforeAll(async () => {
      browser = await engine.launch()
      tab = await browser.newTab()
    })
    afterAll(() => browser?.close())

    /** A frame that has no address of its own, with a client in it. */
    async function inFrame(kind: 'srcdoc' | 'blank' | 'sandboxed'): Promise<FrameAccount> {
      await tab.goto(`${backend.origin}/blank`)
      return tab.evaluate(
        (kind, src) =>
          new Promise<FrameAccount>(resolve => {
            window.addEventListener('message', ({ data }) => resolve(data), { once: true })
            const frame = document.createElement('iframe')
            if (kind === 'sandboxed') frame.setAttribute('sandbox', 'allow-scripts')
            if (kind !== 'blank') frame.srcdoc = `<script type="module" src="${src}"></script>`
            document.body.append(frame)
            if (kind !== 'blank') return
            const script = frame.contentDocument!.createElement('script')
            Object.assign(script, { type: 'module', src })
            frame.contentDocument!.body.append(script)
          }),
        kind,
        `${backend.origin}/frame.js`,
      )
    }

    test.each(['srcdoc', 'blank'] as const)('E1 about:%s: a client as in the page around it', async kind => {
      const { origin, created, steps } = await inFrame(kind)
      expect(origin).toBe(backend.origin)
      expect(steps).toEqual(['authenticated', 200, 200, true])
      expect(created).toEqual({
        'no baseUrl': 'created',
        './api': 'created',
        '/api': 'created',
        absolute: 'created',
      })
      const bearers = backend.seen.map(({ url, headers }) => [url, headers.authorization])
      expect(bearers).toContainEqual(['/items', 'Bearer logged-in'])
    })

    test('E1 a sandboxed frame, whose origin is opaque, needs an absolute "baseUrl"', async () => {
      const { origin, created, steps } = await inFrame('sandboxed')
      expect(origin).toBe('null')
      const refused = 'invalid_option: "baseUrl" must be an absolute URL where the origin is opaque.'
      expect(created).toEqual({
        'no baseUrl': refused,
        './api': refused,
        '/api': refused,
        absolute: 'created',
      })
      // What is relative goes where `fetch` sends it: to the address of the page around the frame.
      expect(steps).toEqual(['authenticated', 200, 200, true])
    })

    /** Has a worker of this kind do something, and tells what came of it. */
    const inWorker = (kind: string, task: string) =>
      tab.evaluate(
        async (kind, task) => {
          const workers = window as unknown as { worker?: { postMessage: Worker['postMessage'] } }
          if (!workers.worker) {
            if (kind === 'dedicated') workers.worker = new Worker('/worker.js')
            if (kind === 'shared') workers.worker = new SharedWorker('/worker.js').port
            if (kind === 'service') {
              const { installing, active } = await navigator.serviceWorker.register('/worker.js')
              workers.worker = (installing ?? active)!
            }
          }
          const { port1, port2 } = new MessageChannel()
          const outcome = new Promise<unknown>(resolve => {
            port1.onmessage = ({ data }) => resolve(data)
          })
          workers.worker!.postMessage(task, [port2])
          return outcome
        },
        kind,
        task,
      )

    describe.each(['dedicated', 'shared', 'service'])('E14 a %s worker', kind => {
      test('takes its session from a page without a call, and ends it with the page', async () => {
        await tab.goto(`${backend.origin}/client?options={"endpoints":{}}`)
        await ready(tab)
        await tab.evaluate(async () => void (await window.auth.login({})))
        backend.seen.length = 0
        expect(await inWorker(kind, 'ready')).toBe('authenticated')
        expect(await inWorker(kind, 'fetch')).toBe(200)
        expect(calls()).toEqual(['/items'])
        expect(backend.seen.at(-1)!.headers.authorization).toBe('Bearer logged-in')
        await tab.evaluate(async () => void (await window.auth.logout()))
        await until(async () => (await inWorker(kind, 'status')) === 'anonymous')
        expect(await inWorker(kind, 'fetch')).toBe(401)
      })

      test('without a page it restores nothing, unless the app says so', async () => {
        await tab.goto(`${backend.origin}/blank`)
        await tab.evaluate(async () => void (await fetch('/login', { method: 'POST' })))
        backend.seen.length = 0
        expect(await inWorker(kind, 'ready')).toBe('unknown')
        expect(await inWorker(kind, 'fetch')).toBe('refresh_unavailable')
        expect(calls()).toEqual([])
        expect(await inWorker(kind, 'refresh')).toBe('authenticated')
        expect(await inWorker(kind, 'fetch')).toBe(200)
        expect(calls()).toEqual(['/refresh_token', '/items'])
      })
    })
  })
}

describeEngine(chromium, () => {
  let browser: Browser
  beforeAll(async () => {
    browser = await chromium.launch()
  })
  afterAll(() => browser?.close())

  test('E2 a prerendered page waits until it is shown, and then has its session and its answer', async () => {
    const tab = await browser.newTab()
    await tab.goto(`${backend.origin}/blank`)
    await tab.evaluate(async () => void (await fetch('/login', { method: 'POST' })))
    await tab.goto(`${backend.origin}/before`)
    await until(() => paths().includes('/waited'))
    expect(backend.seen.find(({ url }) => url?.startsWith('/waited'))!.url).toBe('/waited?')
    expect(calls()).toEqual(['/login'])
    await tab.click('#go')
    await tab.waitFor(() => window.told?.items !== undefined)
    expect(await tab.evaluate(() => [window.wasPrerendered, window.told])).toEqual([
      true,
      { ready: 'authenticated', items: 200 },
    ])
    expect(calls()).toEqual(['/login', '/refresh_token', '/items'])
    await tab.close()
  })
})
