import { existsSync } from 'node:fs'
import type { Browser, Engine, EngineName, LaunchOptions } from './engine.ts'
import { launchPuppeteer } from './puppeteer.ts'
import { launchWebKit } from './webkit.ts'

// System browsers only: what test tools download themselves fails on a closed network.
export const chromium: Engine = engine(
  'Chromium',
  process.env.CHROMIUM_PATH ?? '/usr/bin/chromium',
  (path, options) => launchPuppeteer('Chromium', path, options),
)

export const firefox: Engine = engine(
  'Firefox',
  process.env.FIREFOX_PATH ?? '/usr/bin/firefox-esr',
  (path, options) => launchPuppeteer('Firefox', path, options),
)

export const webkit: Engine = engine(
  'WebKit',
  process.env.WEBKIT_DRIVER_PATH ?? '/usr/bin/WebKitWebDriver',
  launchWebKit,
)

export const engines: readonly Engine[] = [chromium, firefox, webkit]

function engine(
  name: EngineName,
  path: string,
  launch: (path: string, options?: LaunchOptions) => Promise<Browser>,
): Engine {
  const find = () => (existsSync(path) ? path : null)
  return {
    name,
    path,
    find,
    launch(options) {
      if (!find()) throw new Error(`${name} not found at ${path}`)
      return launch(path, options)
    },
  }
}
