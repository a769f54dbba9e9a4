import { cp, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { createServer, type ViteDevServer } from 'vite'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type DemoServer, startServer } from '../../demo/server/server.ts'
import { readPage } from '../recipes/blocks.ts'
import { root } from '../tools/report.ts'
import { chromium } from './browsers.ts'
import { describeEngine } from './describe-engine.ts'
import type { Browser, Tab } from './engine.ts'
import { until } from './site.ts'

// What `npm create vite` makes besides: the page, and the file that renders App.
const SCAFFOLD = {
  'index.html':
    '<!doctype html><div id="root"></div><script type="module" src="/src/main.tsx"></script><link rel="icon" href="data:,">',
  'src/main.tsx': `
import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import App from './App.tsx'

createRoot(document.getElementById('root')!).render(<StrictMode><App /></StrictMode>)
`,
}
const LINKED = ['react', 'react-dom', 'vite', '@vitejs', 'ky', 'jwt-decode']

/** A folder as the reader of that page has it, with the built package installed by copying it. */
async function writeApp(files: Record<string, string>): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'silent-refresh-readme-'))
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, name)), { recursive: true })
    await writeFile(join(folder, name), text)
  }
  const installed = join(folder, 'node_modules/silent-refresh')
  await mkdir(installed, { recursive: true })
  await cp(resolve(root, 'package.json'), join(installed, 'package.json'))
  await cp(resolve(root, 'dist'), join(installed, 'dist'), { recursive: true })
  for (const name of LINKED)
    await symlink(resolve(root, 'node_modules', name), join(folder, 'node_modules', name))
  return folder
}

/** The files that a page of ours gives its reader. */
const filesOf = (page: string) =>
  Object.fromEntries(
    readPage(page)
      .filter(({ file }) => file)
      .map(({ file, code }) => [file, code]),
  )

const STARTED = filesOf('docs/getting-started.md')
const APPS: Record<string, Record<string, string>> = {
  'getting started': { ...SCAFFOLD, ...STARTED },
  'the guide, without a framework': {
    ...STARTED,
    ...filesOf('docs/guide.md'),
    'vite.config.ts': STARTED['vite.config.ts']!.replace(/.*react.*\n/g, ''),
  },
}

describeEngine(chromium, () => {
  describe.each(Object.keys(APPS))('%s', name => {
    let server: DemoServer
    let vite: ViteDevServer
    let folder: string
    let browser: Browser
    let tab: Tab

    const shows = (target: Tab, text: string) =>
      // biome-ignore lint/performance/useDomNodeTextContent: what is hidden is not shown
      until(() => target.evaluate(wanted => document.body.innerText.includes(wanted), text))
    const press = (target: Tab, label: string) =>
      target.evaluate(
        wanted => [...document.querySelectorAll('button')].find(one => one.textContent === wanted)?.click(),
        label,
      )
    const calls = (path: string) => server.log.entries().filter(entry => entry.path === path)

    beforeAll(async () => {
      server = await startServer({ passwordCost: 4, accessTtl: 600 })
      const files = { ...APPS[name] }
      files['vite.config.ts'] = files['vite.config.ts']!.replace('http://127.0.0.1:4000', server.url)
      folder = await writeApp(files)
      vite = await createServer({ root: folder, logLevel: 'error', server: { host: '127.0.0.1', port: 0 } })
      await vite.listen()
      browser = await chromium.launch()
      tab = await browser.newTab()
      await tab.goto(vite.resolvedUrls!.local[0]!)
    })
    afterAll(async () => {
      await browser?.close()
      await vite?.close()
      await server?.close()
      await rm(folder, { recursive: true, force: true })
    })

    test(`P5 ${name} leads to an app that signs in, calls the API, reloads and signs out, in two tabs`, async () => {
      await shows(tab, 'Sign in')
      await tab.type('[name=password]', '!')
      await press(tab, 'Sign in')
      await shows(tab, 'Wrong email or password.')

      await tab.reload()
      await shows(tab, 'Sign in')
      await press(tab, 'Sign in')
      await shows(tab, 'Sign out')
      await press(tab, 'Load items')
      await shows(tab, '"title"')

      server.faults.set({ ...server.faults.state(), api: '401', refresh: '500' })
      await press(tab, 'Load items')
      await shows(tab, 'The server cannot be reached. Try again.')
      await shows(tab, 'Sign out')
      server.faults.set({})

      server.log.clear()
      await tab.reload()
      await shows(tab, 'Sign out')
      expect(calls('/auth/refresh_token')).toMatchObject([{ status: 200 }]) // StrictMode included

      const other = await browser.newTab()
      await other.goto(await tab.url())
      await shows(other, 'Sign out')
      expect(calls('/auth/refresh_token')).toHaveLength(1)

      await press(tab, 'Sign out')
      await shows(tab, 'Sign in')
      await shows(other, 'Sign in')
      await until(() => calls('/auth/logout')[0]?.status === 204)
      await tab.reload()
      await shows(tab, 'Sign in')
    })
  })
})
