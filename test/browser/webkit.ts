import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { freePort } from '../support/free-port.ts'
import { type Browser, type Cookie, poll, type Tab } from './engine.ts'

// Spoken to directly over classic WebDriver, a dozen commands: webdriverio 9 refuses puppeteer-core 25 as its
// peer and brings 208 packages, two of them with install scripts that download drivers.

type Json = Record<string, unknown>
type Send = <Value = null>(
  method: 'GET' | 'POST' | 'DELETE',
  path: string,
  body?: Json,
  patience?: number,
) => Promise<Value>

const MINI_BROWSER = '/usr/lib/x86_64-linux-gnu/webkit2gtk-4.1/MiniBrowser'
/** Milliseconds. Sooner than a test’s own end, which would not say what was waited for. */
const PATIENCE = 40_000
const ASK_AGAIN = 20
/** A page that is left in the middle of a script takes the answer along into its bfcache. */
const UNANSWERED = 3_000
const ELEMENT = 'element-6066-11e4-a52e-4f735466cecf' // the key that the WebDriver standard fixes

// The pipe on stdin closes when the tests end in whatever way, SIGKILL too: then the whole group goes.
const GROUP = '(xvfb-run -a "$@"; kill 0) & cat; kill 0'

export async function launchWebKit(driver: string): Promise<Browser> {
  const home = await mkdtemp(join(tmpdir(), 'silent-refresh-webkit-'))
  const port = await freePort()
  const child = spawn('sh', ['-c', GROUP, 'sh', driver, `--port=${port}`], {
    detached: true, // a process group of its own, so that Xvfb, driver and browser can be ended together
    stdio: ['pipe', 'ignore', 'ignore'],
    env: {
      ...process.env,
      WEBKIT_DISABLE_SANDBOX_THIS_IS_DANGEROUS: '1',
      NO_AT_BRIDGE: '1',
      HOME: home,
      TMPDIR: home,
      XDG_CONFIG_HOME: join(home, 'config'),
      XDG_DATA_HOME: join(home, 'data'),
      XDG_CACHE_HOME: join(home, 'cache'),
    },
  })

  async function end() {
    await endGroup(child)
    await rm(home, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 })
  }

  try {
    const origin = `http://127.0.0.1:${port}`
    await driverIsUp(origin, child)
    const session = await call<{ sessionId: string }>('POST', `${origin}/session`, {
      capabilities: {
        alwaysMatch: {
          browserName: 'MiniBrowser',
          'webkitgtk:browserOptions': {
            binary: process.env.WEBKIT_MINIBROWSER_PATH ?? MINI_BROWSER,
            args: ['--automation'],
          },
        },
      },
    })
    const send: Send = (method, path, body, patience) =>
      call(method, `${origin}/session/${session.sessionId}${path}`, body, patience)
    await send('POST', '/timeouts', { script: 30_000, pageLoad: 30_000 })
    return {
      name: 'WebKit',
      raw: null,
      ...tabMaker(send),
      async close() {
        await send('DELETE', '').catch(() => {}) // the session is gone where its last tab was closed
        await end()
      },
    }
  } catch (error) {
    await end()
    throw error
  }
}

/** WebDriver has one current window: every piece of work switches to its own, and they queue. */
function tabMaker(send: Send): Pick<Browser, 'newTab' | 'windows'> {
  let queue: Promise<unknown> = Promise.resolve()
  let first = true
  const own = new Set<string>()
  const others = new Map<string, Tab>()

  function enqueue<Value>(work: () => Promise<Value>): Promise<Value> {
    const result = queue.then(work)
    queue = result.catch(() => {})
    return result
  }

  const toTab = (handle: string) =>
    windowTab(send, work =>
      enqueue(async () => {
        await send('POST', '/window', { handle })
        return work()
      }),
    )

  return {
    newTab: () =>
      enqueue(async () => {
        const handle = first
          ? await send<string>('GET', '/window')
          : (await send<{ handle: string }>('POST', '/window/new', { type: 'tab' })).handle
        first = false
        own.add(handle)
        return toTab(handle)
      }),
    windows: () =>
      enqueue(async () => {
        const handles = await send<string[]>('GET', '/window/handles')
        return handles
          .filter(handle => !own.has(handle))
          .map(handle => {
            const tab = others.get(handle) ?? toTab(handle)
            others.set(handle, tab)
            return tab
          })
      }),
  }
}

function windowTab(send: Send, here: <Value>(work: () => Promise<Value>) => Promise<Value>): Tab {
  let calls = 0

  async function element(selector: string): Promise<string> {
    await tab.waitFor(selector => document.querySelector(selector) !== null, selector)
    const found = await here(() => send<Json>('POST', '/element', { using: 'css selector', value: selector }))
    return `/element/${found[ELEMENT]}`
  }

  const tab: Tab = {
    raw: null,
    console: null,
    goto: url => here(() => send('POST', '/url', { url })),
    reload: () => here(() => send('POST', '/refresh', {})),
    // Until the page is there: a script that runs while it comes is never answered.
    back: () => here(() => send('POST', '/back', {})),
    url: () => tab.evaluate(() => location.href),
    async evaluate(fn, ...args) {
      const id = ++calls
      let script = startScript(`${fn}`)
      for (const start = performance.now(); ; ) {
        const asked = { script, args: [id, args] }
        const outcome = await here(() => send<string>('POST', '/execute/async', asked, UNANSWERED)).catch(
          unanswered,
        )
        const { pending, value, error } = JSON.parse(outcome)
        if (error !== undefined) throw new Error(error)
        if (!pending) return value
        if (performance.now() - start > PATIENCE)
          throw new Error(`never settled: ${fn} ${JSON.stringify(args)}`)
        script = POLL_SCRIPT
        await sleep(ASK_AGAIN)
      }
    },
    waitFor: (fn, ...args) => poll(tab, fn, args),
    async click(selector) {
      const path = await element(selector)
      await here(() => send('POST', `${path}/click`, {}))
    },
    async type(selector, text) {
      const path = await element(selector)
      await here(() => send('POST', `${path}/value`, { text }))
    },
    bringToFront: () => here(async () => {}),
    cookies: async () => (await here(() => send<Cookie[]>('GET', '/cookie'))).map(cookie),
    close: () => here(async () => void (await send('DELETE', '/window'))),
  }
  return tab
}

/** Not a failure of the call: it is asked for again, and a page that has gone says so. */
function unanswered(error: Error): string {
  if (error.cause !== 'unanswered') throw error
  return '{"pending":true}'
}

function cookie({ name, value, domain, path, httpOnly, secure, sameSite }: Cookie): Cookie {
  return { name, value, domain, path, httpOnly, secure, sameSite }
}

// A call that takes long must not keep the one queue: the page holds the promise, and is asked again. It answers within
// the task, since a timer of a hidden page is slow, and one of a page that goes to the bfcache never rings.
const POLL_SCRIPT = `
  const [id, , done] = arguments
  const calls = window[Symbol.for('silent-refresh.test.calls')]
  const call = calls && calls.get(id)
  const soon = async () => {
    for (let i = 0; i < 5; i++) await null
    return { pending: true }
  }
  if (!call) done(JSON.stringify({ error: 'the page went away during the call' }))
  else Promise.race([call, soon()]).then(outcome => done(JSON.stringify(outcome)))
`

function startScript(fn: string): string {
  return `
  const key = Symbol.for('silent-refresh.test.calls')
  if (!window[key]) Object.defineProperty(window, key, { value: new Map() })
  window[key].set(arguments[0], (async args => (${fn})(...args))(arguments[1]).then(
    value => ({ value }),
    error => ({ error: String(error && error.message ? error.name + ': ' + error.message : error) }),
  ))
  ${POLL_SCRIPT}`
}

async function call<Value>(method: string, url: string, body?: Json, patience = PATIENCE): Promise<Value> {
  const signal = AbortSignal.timeout(patience)
  const json = body && { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }
  const response = await fetch(url, { method, signal, ...json }).catch((error: Error) => {
    if (!signal.aborted) throw error
    const asked = `${method} ${new URL(url).pathname} ${json?.body ?? ''}`
    throw new Error(`WebDriver: no answer within ${patience} ms: ${asked}`, { cause: 'unanswered' })
  })
  const { value } = (await response.json()) as { value: Value & { error?: string; message?: string } }
  if (!response.ok) throw new Error(`WebDriver: ${value.error}: ${value.message}`)
  return value
}

async function driverIsUp(origin: string, child: ChildProcess): Promise<void> {
  for (let waited = 0; waited < 20_000; waited += 50) {
    if (child.exitCode !== null || child.signalCode) throw new Error('xvfb-run or WebKitWebDriver ended')
    const up = await call<{ ready: boolean }>('GET', `${origin}/status`).catch(() => null)
    if (up?.ready) return
    await sleep(50)
  }
  throw new Error('WebKitWebDriver did not answer within 20 s')
}

function signalGroup(child: ChildProcess, signal: NodeJS.Signals | 0): boolean {
  try {
    return child.pid !== undefined && process.kill(-child.pid, signal)
  } catch {
    return false // nobody left in the group
  }
}

async function endGroup(child: ChildProcess): Promise<void> {
  signalGroup(child, 'SIGTERM')
  for (let waited = 0; waited < 3000 && signalGroup(child, 0); waited += 50) await sleep(50)
  signalGroup(child, 'SIGKILL')
}
