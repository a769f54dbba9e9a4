import { readFileSync, writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { startServer } from '../../demo/server/server.ts'
import { chromium } from '../browser/browsers.ts'
import type { Browser } from '../browser/engine.ts'
import { freePort } from '../support/free-port.ts'
import { cache, type TestCase, tell, writeBeside } from '../tools/report.ts'
import { inBackForwardCache } from './back.ts'
import { inDevelopment, inProduction, type Stage, type Steps } from './drive.ts'
import { startFront } from './front.ts'
import { type App, findApps } from './list.ts'
import { inNext } from './next.ts'
import { inNextWithCookies } from './next-cookie.ts'
import { npm, serve } from './processes.ts'

// `npm run apps -- next nuxt`: installs, checks, builds and starts these apps of demo/apps, or all of them, and uses each
// as its users and its developers do. `--installed` takes the packages that are there.

/** What only this app does, after what all do. */
const OF_ONE_APP: Record<string, (typeof inProduction)[]> = {
  next: [inNext],
  'next-cookie': [inNext, inNextWithCookies],
  'react-router': [inBackForwardCache],
  sveltekit: [inBackForwardCache],
}

const flags = process.argv.slice(2).filter(word => word.startsWith('--'))
const names = process.argv.slice(2).filter(word => !word.startsWith('--'))
const report = resolve(cache, 'apps.json')
const failures: TestCase[] = []
let passed = 0

note()
// Out of the box puppeteer switches the back/forward cache off.
const browser = await chromium.launch({ ignoreDefaultArgs: ['--disable-back-forward-cache'] })
try {
  for (const app of findApps(names)) await tryApp(browser, app)
} finally {
  await browser.close()
}
console.log(`\n${passed} passed, ${failures.length} failed`)
process.exitCode = failures.length === 0 ? 0 : 1

async function tryApp(browser: Browser, app: App): Promise<void> {
  const steps: Steps = {
    ...(!flags.includes('--installed') && {
      'its packages are installed': () => npm(app, 'ci', '--no-audit', '--no-fund', '--prefer-offline'),
    }),
    'its types are right': () => npm(app, 'run', 'types'),
    'it is built': () => npm(app, 'run', 'build'),
  }
  if (await run(app, steps)) await production(browser, app)
  // Also where the built app has failed: what a developer meets is another matter.
  await development(browser, app)
}

async function production(browser: Browser, app: App): Promise<void> {
  const backend = await startServer({ mode: app.mode, accessTtl: 60, passwordCost: 4 })
  try {
    const server = await serve(app, 'start', await freePort(), backend.url)
    const front = await startFront(server.url, backend.url)
    try {
      for (const use of [inProduction, ...(OF_ONE_APP[app.name] ?? [])]) {
        const drive = await use({ browser, backend, mode: app.mode }, front)
        await run(app, drive.steps, drive.look)
        await drive.close()
      }
    } finally {
      front.close()
      await server.stop()
    }
  } catch (error) {
    fail(app, 'it starts', error)
  } finally {
    await backend.close()
  }
}

async function development(browser: Browser, app: App): Promise<void> {
  const port = await freePort()
  // For the proxies of development servers that cannot keep `Host`.
  const publicOrigins = [`http://127.0.0.1:${port}`]
  const backend = await startServer({ mode: app.mode, accessTtl: 60, passwordCost: 4, publicOrigins })
  const file = resolve(app.folder, app.auth)
  const code = readFileSync(file, 'utf8')
  const restore = () => writeFileSync(file, code)
  process.once('exit', restore)
  try {
    const server = await serve(app, 'dev', port, backend.url)
    try {
      const stage: Stage = { browser, backend, mode: app.mode }
      const drive = await inDevelopment(stage, app, server.url, times =>
        writeFileSync(file, `${code}\nObject.assign(globalThis, { edits: ${times} })\n`),
      )
      await run(app, drive.steps, drive.look)
      await drive.close()
    } finally {
      await server.stop()
    }
  } catch (error) {
    fail(app, 'its development server starts', error)
  } finally {
    process.off('exit', restore)
    restore()
    await backend.close()
  }
}

/** Each step needs the one before it: the first that fails is the last. */
async function run(app: App, steps: Steps, look = async () => ''): Promise<boolean> {
  for (const [name, step] of Object.entries(steps)) {
    const begun = performance.now()
    try {
      await step()
    } catch (error) {
      fail(app, name, `${error}\n${await look()}`)
      return false
    }
    passed++
    note()
    console.log(`ok      ${app.name}: ${name} (${((performance.now() - begun) / 1000).toFixed(1)} s)`)
  }
  return true
}

function fail({ name }: App, step: string, error: unknown): void {
  const failure: TestCase = { file: '', titles: [`${name}: ${step}`], status: 'failed', story: String(error) }
  failures.push(failure)
  note()
  console.log(tell('FAILED', failure))
}

/** After each step: what a run that is ended from outside has found stays known. */
function note(): void {
  writeBeside(report, 'count', `${passed} ${failures.length}\n`)
  writeBeside(report, 'failed', failures.map(failure => tell('FAILED', failure)).join(''))
}
