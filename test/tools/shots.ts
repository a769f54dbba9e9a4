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
  await shows(page, '#status', 'authenticated')
}

/** Some requests, a token that is revoked, a second tab, two renewals. */
async function live(page: Page): Promise<void> {
  await logIn(page)
  await click(page, '#list-items')
  await rest(2)
  const second = await page.browser().newPage()
  await second.goto(page.url())
  await shows(second, '#status', 'authenticated')
  await page.bringToFront()
  for (let round = 0; round < 3; round++) {
    await rest(1.5)
    await click(page, '#echo')
    await click(second, '#list-items')
  }
  await click(page, '#revoke-access')
  await rest(1)
  await click(page, '#ten')
  await shows(page, '#last-result', '10')
  await rest(13)
  await click(second, '#ten')
  await rest(4)
}

async function outage(page: Page): Promise<void> {
  await logIn(page)
  await rest(3)
  await page.select('#refresh-fault', '500')
  await shows(page, '#server-result', 'fail')
  await click(page, '#refresh')
  await shows(page, '#status-detail', 'cannot be renewed')
  await rest(7)
  await click(page, '#list-items')
  await rest(2)
}

const SHOTS: Shot[] = [
  { name: 'signed-out', width: 1280, height: 900 },
  { name: 'timeline-light', width: 1280, height: 960, act: live },
  { name: 'timeline-dark', width: 1920, height: 900, scheme: 'dark', act: live },
  { name: 'outage', width: 1280, height: 920, act: outage },
  { name: 'narrow', width: 360, height: 760, scheme: 'dark', from: '.timeline', act: live },
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
    await shows(page, '#status', 'anonymous')
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
