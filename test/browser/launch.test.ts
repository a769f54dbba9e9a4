import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { engines } from './browsers.ts'
import { describeEngine } from './describe-engine.ts'
import type { Browser, Tab } from './engine.ts'

let server: Server
let origin: string

beforeAll(async () => {
  server = createServer((request, response) => {
    const cookie = request.url === '/set' ? { 'set-cookie': 'sid=1; HttpOnly; SameSite=Lax; Path=/' } : {}
    response.writeHead(200, { 'content-type': 'text/html', ...cookie })
    response.end(request.url === '/cookie' ? (request.headers.cookie ?? '') : page)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  origin = `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`
})

afterAll(() => {
  server.closeAllConnections()
  server.close()
})

const page = `<!doctype html><title>page</title><input id="name">
  <button id="greet" onclick="console.log('hello', document.title = document.querySelector('#name').value)">go</button>`

for (const engine of engines) {
  describeEngine(engine, () => {
    let browser: Browser
    let a: Tab
    let b: Tab

    beforeAll(async () => {
      browser = await engine.launch()
      a = await browser.newTab()
      b = await browser.newTab()
      await a.goto(`${origin}/`)
      await b.goto(`${origin}/`)
    })
    afterAll(() => browser?.close())

    test('opens a page and evaluates in it', async () => {
      const sum = await a.evaluate(
        async (x: number, list: number[]) => {
          await new Promise(resolve => setTimeout(resolve, 200))
          return { sum: list.reduce((total, item) => total + item, x), secure: isSecureContext }
        },
        1,
        [2, 3],
      )
      expect(sum).toEqual({ sum: 6, secure: true })
      await expect(a.evaluate(() => Promise.reject(new TypeError('not today')))).rejects.toThrow('not today')
      expect(await a.evaluate(() => {})).toBeUndefined()
    })

    test('a reload and a way back are new loads of the page', async () => {
      await a.evaluate(() => {
        document.title = 'changed'
      })
      await a.reload()
      expect(await a.evaluate(() => document.title)).toBe('page')
      await a.goto(`${origin}/next`)
      await a.back()
      await a.waitFor(() => location.pathname === '/')
      expect(await a.url()).toBe(`${origin}/`)
    })

    test('a call that waits in one tab does not hold up the other', async () => {
      const heard = a.evaluate(
        () =>
          new Promise(resolve => {
            const channel = new BroadcastChannel('smoke')
            channel.onmessage = ({ data }) => {
              channel.close()
              resolve(data)
            }
          }),
      )
      await b.evaluate(async () => {
        const channel = new BroadcastChannel('smoke')
        for (let sent = 0; sent < 10; sent++) {
          channel.postMessage('from b')
          await new Promise(resolve => setTimeout(resolve, 50))
        }
        channel.close()
      })
      expect(await heard).toBe('from b')
    })

    test('types and clicks', async () => {
      await b.type('#name', 'Ada')
      await b.click('#greet')
      await b.waitFor(() => document.title === 'Ada')
      if (b.console) expect(b.console).toContainEqual({ kind: 'log', text: 'hello Ada' })
    })

    test('tabs of one browser share cookies, and the HttpOnly ones are listed', async () => {
      await a.evaluate(() => fetch('/set').then(() => {}))
      expect(await b.evaluate(() => fetch('/cookie').then(answer => answer.text()))).toBe('sid=1')
      expect(await b.cookies()).toMatchObject([{ name: 'sid', value: '1', path: '/', httpOnly: true }])
    })

    test('another browser has another profile', async () => {
      const other = await engine.launch()
      try {
        const tab = await other.newTab()
        await tab.goto(`${origin}/`)
        expect(await tab.cookies()).toEqual([])
      } finally {
        await other.close()
      }
    })
  })
}
