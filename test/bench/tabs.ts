import { chromium } from '../browser/browsers.ts'
import type { Browser, Tab } from '../browser/engine.ts'
import { bundle } from './build.ts'
import type { Candidate } from './calls/scenarios.ts'
import { type AuthServer, startAuthServer } from './calls/server.ts'
import { type Section, table } from './section.ts'

declare global {
  interface Window {
    candidate: Candidate & { auth?: { ready(): Promise<{ status: string }> } }
    /** The statuses that the requests of this tab came to; 0: an error. */
    refreshCounts: Promise<number[]>
  }
}

const REQUESTS = 20
const candidates: [name: string, title: string][] = [
  ['ours', '**silent-refresh/core**'],
  ['ky-by-hand', 'ky, refreshed by hand'],
]

/** Tabs of one browser, each with twenty requests, at the moment at which all access tokens have been revoked. */
export async function tabs(): Promise<Section> {
  if (!chromium.find()) return { tables: {}, misses: [`tabs: no Chromium at ${chromium.path}`] }
  const rows: (string | number)[][] = []
  const misses: string[] = []
  const browser = await chromium.launch()
  try {
    for (const count of [2, 10]) {
      for (const [name, title] of candidates) {
        const { server, fine } = await play(browser, name, count)
        const { refreshes, apiCalls, unauthorized } = server.counts
        const requests = count * REQUESTS
        const session = server.isAlive ? 'kept' : 'lost'
        rows.push([title, count, refreshes, apiCalls, unauthorized, requests - fine, session])
        if (name === 'ours' && (refreshes !== 1 || fine !== requests)) {
          misses.push(`tabs, ${count}: ${refreshes} refreshes, ${requests - fine} failed`)
        }
      }
    }
    const trips = await roundTrips(browser)
    if (trips.alone !== 1) misses.push(`tabs: ${trips.alone} calls to be signed in after a reload`)
    if (trips.beside !== 0) misses.push(`tabs: ${trips.beside} calls beside a live tab`)
    const head = ['', 'tabs', 'refreshes', 'API calls', '401s', 'failed', 'session']
    return {
      tables: {
        tabs: table(head, rows),
        'round-trips': table(
          ['from navigation to `authenticated`', 'calls to the server'],
          [
            ['a reload, no other tab', trips.alone],
            ['a new tab beside a live one', trips.beside],
          ],
        ),
      },
      misses,
    }
  } finally {
    await browser.close()
  }
}

async function play(browser: Browser, name: string, count: number) {
  const server = await serve(name)
  const opened: Tab[] = []
  try {
    for (let index = 0; index < count; index++) {
      const tab = await open(browser, server)
      opened.push(tab)
      // The other tabs come by their tokens themselves, with the cookie that is there by now.
      if (index === 0) await tab.evaluate(async () => void (await window.candidate.login()))
      await tab.evaluate(async () => void (await window.candidate.get(`${location.origin}/items`)))
    }
    server.revokeTokens()
    server.reset()
    await Promise.all(opened.map(tab => tab.evaluate(prepare, REQUESTS)))
    await opened[0]!.evaluate(() => new BroadcastChannel('go').postMessage('go'))
    const results = await Promise.all(opened.map(tab => tab.evaluate(() => window.refreshCounts)))
    return { server, fine: results.flat().filter(status => status === 200).length }
  } finally {
    for (const tab of opened) await tab.close()
    server.close()
  }
}

/** In the page: all tabs go at one message. */
function prepare(requests: number): void {
  window.refreshCounts = new Promise(resolve => {
    const channel = new BroadcastChannel('go')
    const get = () => window.candidate.get(`${location.origin}/items`).catch(() => 0)
    channel.onmessage = () => resolve(Promise.all(Array.from({ length: requests }, get)))
  })
}

async function roundTrips(browser: Browser): Promise<{ alone: number; beside: number }> {
  const server = await serve('ours')
  const first = await open(browser, server)
  const second = await browser.newTab()
  const ready = async () => (await window.candidate.auth!.ready()).status
  const counted = async (tab: Tab) => {
    const status = await tab.evaluate(ready)
    if (status !== 'authenticated') throw new Error(`${status} after a page load`)
    return server.counts.refreshes + server.counts.apiCalls
  }
  try {
    await first.evaluate(async () => void (await window.candidate.login()))
    server.reset()
    await first.reload()
    await first.waitFor(() => 'candidate' in window)
    const alone = await counted(first)
    server.reset()
    await second.goto(`${server.origin}/page`)
    await second.waitFor(() => 'candidate' in window)
    return { alone, beside: await counted(second) }
  } finally {
    await first.close()
    await second.close()
    server.close()
  }
}

async function serve(name: string): Promise<AuthServer> {
  const script = await bundle(`import { create } from './peers/${name}.js'
    window.candidate = await create(location.origin)`)
  const world = {
    now: () => Date.now(),
    wait: (ms: number) => new Promise<void>(resolve => setTimeout(resolve, ms)),
  }
  const page = '<!doctype html><title>bench</title><script type="module" src="/script.js"></script>'
  return startAuthServer(world, 3_600, {
    '/favicon.ico': '',
    '/page': page,
    '/script.js': script,
  })
}

async function open(browser: Browser, server: AuthServer): Promise<Tab> {
  const tab = await browser.newTab()
  await tab.goto(`${server.origin}/page`)
  await tab.waitFor(() => 'candidate' in window)
  return tab
}
