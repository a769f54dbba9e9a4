import { mkdirSync, statSync } from 'node:fs'
import { resolve } from 'node:path'
import type { Page } from 'puppeteer-core'
import { startServer } from '../../demo/server/server.ts'
import { chromium } from '../browser/browsers.ts'

// `npm run demo:shots`: the demo page in its main states, for the README. Needs Chromium.

const folder = resolve(import.meta.dirname, '../../docs/shots')

interface Shot {
  name: string
  width: number
  height: number
  scheme?: 'light' | 'dark'
  /** What is at the top of the picture. */
  from?: string
  /** What a visitor does first. */
  act?: (page: Page) => Promise<void>
}

const rest = (seconds: number): Promise<void> => new Promise(resolve => setTimeout(resolve, seconds * 1000))
const shows = (page: Page, selector: string, text: string) =>
  page.waitForFunction(
    (selector, text) => document.querySelector(selector)?.textContent?.includes(text),
    {},
    selector,
    text,
  )
const click = (page: Page, selector: string) =>
  page.$eval(selector, element => (element as HTMLElement).click())

async function logIn(page: Page): Promise<void> {
  await click(page, '[data-testid^="login-as"]')
  await shows(page, '#status', 'signed in')
}

/** Some requests, a token that is revoked, a second tab, two renewals. */
async function live(page: Page): Promise<void> {
  await logIn(page)
  await rest(2)
  const second = await page.browser().newPage()
  await second.goto(page.url())
  await shows(second, '#status', 'signed in')
  await page.bringToFront()
  for (let round = 0; round < 3; round++) {
    await rest(1.5)
    await click(page, '#send-one')
    await click(second, '#send-one')
  }
  await click(page, '#revoke-mine')
  await shows(page, '#replay-result', 'refuses this token')
  await click(page, '#ten')
  await shows(page, '#replay-result', '10 × 200')
  await rest(13)
  await click(second, '#ten')
  await rest(4)
}

async function outage(page: Page): Promise<void> {
  await logIn(page)
  await rest(3)
  await click(page, '#offline')
  await shows(page, '#offline', 'Bring the server back')
  await click(page, '#refresh')
  await shows(page, '#status-detail', 'no new token now')
  await rest(7)
  await click(page, '#send-one')
  await rest(2)
}

async function compared(page: Page): Promise<void> {
  await click(page, '#compare-all')
  await page.waitForSelector('#comparison [data-state="done"][data-experiment="lost"][data-grace="0"]', {
    timeout: 180_000,
  })
  await shows(page, '#compare-status', 'Done')
}

async function drawer(page: Page): Promise<void> {
  await click(page, '#drawer')
  await live(page)
}

const SHOTS: Shot[] = [
  { name: 'signed-out', width: 1440, height: 900 },
  { name: 'timeline-light', width: 1440, height: 900, act: live },
  { name: 'timeline-dark', width: 1920, height: 1000, scheme: 'dark', act: live },
  { name: 'outage', width: 1440, height: 900, act: outage },
  { name: 'comparison', width: 1440, height: 1100, from: '#compare', act: compared },
  { name: 'narrow', width: 360, height: 760, scheme: 'dark', from: '[data-step="replay"]', act: drawer },
]

const wanted = process.argv.slice(2)
mkdirSync(folder, { recursive: true })
for (const shot of SHOTS.filter(({ name }) => wanted.length === 0 || wanted.includes(name))) await take(shot)

async function take({ name, width, height, scheme = 'light', from, act }: Shot): Promise<void> {
  const server = await startServer({ passwordCost: 4, accessTtl: 12 })
  const browser = await chromium.launch()
  try {
    const page = await browser.raw!.newPage()
    page.on('pageerror', error => console.error(String(error)))
    await page.setViewport({ width, height })
    await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: scheme }])
    await page.goto(server.url)
    await shows(page, '#status', 'signed out')
    await act?.(page)
    if (from) await page.$eval(from, element => element.scrollIntoView())
    await rest(0.2)
    const path = `${folder}/${name}.png` as const
    await page.screenshot({ path, optimizeForSpeed: false })
    console.log(`docs/shots/${name}.png ${Math.round(statSync(path).size / 1000)} kB`)
  } finally {
    await browser.close()
    await server.close()
  }
}
