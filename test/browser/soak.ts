import { parseArgs } from 'node:util'
import { engines } from './browsers.ts'
import type { Browser, Tab } from './engine.ts'
import { type Site, startSite, until } from './site.ts'

// Five tabs share one session of single-use refresh tokens, for as long as asked:
// node test/browser/soak.ts --minutes 30 [--engine chromium]

const TABS = 5
const LIFETIME = 3
/** Milliseconds between two rounds of API calls: the timers are to have their say too. */
const PACE = 1_000

export interface Soak {
  /** What the server made of the refresh calls: 'rotated', and how often. */
  notes: Record<string, number>
  /** Milliseconds between the arrivals of two refreshes in a row, at least. */
  shortestGap: number
  longestGap: number
  /** Pairs of refresh calls, of whatever tab, that were under way at one time. */
  overlaps: number
  /** Refresh calls by tab. */
  byTab: number[]
  /** API calls by what they ended with. */
  calls: Record<string, number>
  logouts: number
  uncaught: string[]
  statuses: string[]
}

/** Logs in and lets five tabs call the API until the server has seen `enough`. */
export async function soak(browser: Browser, enough: (refreshes: number) => boolean): Promise<Soak> {
  const site = await startSite({ accessTtl: LIFETIME, grace: 0 })
  const tabs: Tab[] = []
  try {
    while (tabs.length < TABS) {
      const tab = await browser.newTab()
      tabs.push(tab)
      await site.open(tab, { sessionKey: 'soak', patient: true })
    }
    site.server.log.clear()
    await site.login(tabs[0]!)
    for (const tab of tabs) {
      await tab.waitFor(() => window.auth.session.status === 'authenticated')
      await tab.evaluate(() => performance.clearResourceTimings()) // the first restores
    }
    return await watch(site, tabs, enough)
  } finally {
    for (const tab of tabs) await tab.close()
    await site.close()
  }
}

async function watch(site: Site, tabs: Tab[], enough: (refreshes: number) => boolean): Promise<Soak> {
  const { log } = site.server
  const arrivals: number[] = []
  const spans: Span[] = []
  const notes: Record<string, number> = {}
  const calls: Record<string, number> = {}
  const byTab = tabs.map(() => 0)

  for (let done = false; !done; ) {
    done = enough(arrivals.length)
    await new Promise(resolve => setTimeout(resolve, PACE))
    const visits = await Promise.all(tabs.map(visit))
    for (const [index, { spans: more, call }] of visits.entries()) {
      byTab[index]! += more.length
      spans.push(...more)
      calls[call] = (calls[call] ?? 0) + 1
    }
    await until(() => log.entries().every(({ status }) => status !== null))
    for (const { path, at, note } of log.entries()) {
      if (path !== '/auth/refresh_token') continue
      arrivals.push(at)
      notes[note] = (notes[note] ?? 0) + 1
    }
    log.clear()
  }

  const gaps = arrivals.slice(1).map((at, index) => at - arrivals[index]!)
  spans.sort((a, b) => a.start - b.start)
  const ends = await Promise.all(
    tabs.map(tab =>
      tab.evaluate(() => ({
        status: window.auth.session.status,
        logouts: window.seen.filter(([name]) => name === 'logout').length,
        uncaught: window.uncaught,
      })),
    ),
  )
  return {
    notes,
    shortestGap: Math.min(...gaps),
    longestGap: Math.max(...gaps),
    overlaps: spans.filter((span, index) => index > 0 && span.start < spans[index - 1]!.end).length,
    byTab,
    calls,
    logouts: ends.reduce((sum, { logouts }) => sum + logouts, 0),
    uncaught: ends.flatMap(({ uncaught }) => uncaught),
    statuses: ends.map(({ status }) => status),
  }
}

interface Span {
  start: number
  end: number
}

/** One API call, and the refreshes that this tab has made since the last visit, on the machine's clock. */
function visit(tab: Tab): Promise<{ call: string; spans: Span[] }> {
  return tab.evaluate(async () => {
    const call = await window.auth.fetch('/api/items').then(
      response => String(response.status),
      error => String(error.code),
    )
    const spans = performance
      .getEntriesByType('resource')
      .filter(({ name }) => name.endsWith('/auth/refresh_token'))
      .map(({ startTime, duration }) => {
        const start = performance.timeOrigin + startTime
        return { start, end: start + duration }
      })
    performance.clearResourceTimings()
    return { call, spans }
  })
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { minutes: { type: 'string', default: '30' }, engine: { type: 'string' } },
  })
  const { minutes, engine: wanted } = values
  if (!(Number(minutes) > 0)) throw new Error('--minutes takes a number greater than 0')
  const chosen = engines.filter(({ name }) => !wanted || name.toLowerCase() === wanted.toLowerCase())
  if (chosen.length === 0) throw new Error(`--engine is one of ${engines.map(({ name }) => name).join(', ')}`)

  for (const engine of chosen) {
    const browser = await engine.launch({ throttling: true })
    try {
      const start = performance.now()
      const end = start + Number(minutes) * 60_000
      const result = await soak(browser, () => performance.now() > end)
      const took = ((performance.now() - start) / 60_000).toFixed(1)
      const clean =
        Object.keys(result.notes).join() === 'rotated' &&
        result.overlaps === 0 &&
        result.logouts === 0 &&
        result.shortestGap > (LIFETIME * 1000) / 2
      console.log(`${engine.name}: ${clean ? 'clean' : 'NOT CLEAN'} after ${took} minutes`, result)
      if (!clean) process.exitCode = 1
    } finally {
      await browser.close()
    }
  }
}

if (import.meta.main) await main()
