import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { build } from 'esbuild'
import { type DemoServer, type ServerOptions, startServer } from '../../demo/server/server.ts'
import type { Tab } from './engine.ts'

const root = resolve(import.meta.dirname, '../..')
const credentials = { email: 'ada@example.com', password: 'correct horse battery staple' }

/** The demo's own server on a free port, serving a page with one client of the built package on `window.auth`. */
export interface Site {
  readonly url: string
  /** A page of the same origin without a client. */
  readonly blank: string
  /** The page and its script, for another origin to serve. */
  readonly page: string
  readonly script: string
  server: DemoServer
  /** The requests of this path that reached the server. */
  calls(path: string): ReturnType<DemoServer['log']['entries']>
  /** Opens the page with a client of these options, its first restore done. */
  open(tab: Tab, options?: Record<string, unknown>): Promise<void>
  login(tab: Tab, email?: string): Promise<void>
  stop(): Promise<void>
  /** Again on the same port, with the same database. */
  start(): Promise<void>
  close(): Promise<void>
}

/** `name`: of the page in `pages/`. */
export async function startSite(options: ServerOptions = {}, name = 'client'): Promise<Site> {
  const folder = await mkdtemp(join(tmpdir(), 'silent-refresh-site-'))
  const script = await bundle(name)
  const page = '<!doctype html><title>client</title><script type="module" src="/client.js"></script>'
  await writeFile(join(folder, 'client.js'), script)
  await writeFile(join(folder, 'index.html'), page)
  await writeFile(join(folder, 'blank.html'), '<!doctype html><title>blank</title>')
  const settings = {
    accessTtl: 60,
    passwordCost: 4,
    ...options,
    staticRoot: folder,
    db: join(folder, 'auth.db'),
  }
  const server = await startServer({ ...settings, port: 0 })
  const { url, port } = server

  const site: Site = {
    url,
    blank: `${url}/blank.html`,
    page,
    script,
    server,
    calls: path => site.server.log.entries().filter(entry => entry.path === path),
    async open(tab, clientOptions = {}) {
      await tab.goto(`${url}/?options=${encodeURIComponent(JSON.stringify(clientOptions))}`)
      await ready(tab)
    },
    async login(tab, email = credentials.email) {
      await tab.evaluate(async given => void (await window.auth.login(given)), { ...credentials, email })
    },
    stop: () => site.server.close(),
    async start() {
      site.server = await startServer({ ...settings, port })
    },
    async close() {
      await site.server.close()
      await rm(folder, { recursive: true, force: true })
    },
  }
  return site
}

const bundles = new Map<string, Promise<string>>()

/** A page's script from `pages/`, over the built package. */
export function bundle(page: string): Promise<string> {
  const known = bundles.get(page) ?? buildPage(page)
  bundles.set(page, known)
  return known
}

async function buildPage(page: string): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [join(root, `test/browser/pages/${page}.ts`)],
    alias: {
      'silent-refresh': join(root, 'dist/index.js'),
      'silent-refresh/oauth': join(root, 'dist/oauth/index.js'),
      'silent-refresh/core': join(root, 'dist/core.js'),
      'silent-refresh/devtools': join(root, 'dist/devtools/index.js'),
      'silent-refresh/dpop': join(root, 'dist/dpop/index.js'),
    },
    bundle: true,
    format: 'esm',
    target: 'es2022',
    write: false,
    logLevel: 'error',
  })
  return outputFiles[0]!.text
}

export async function ready(tab: Tab): Promise<void> {
  await tab.waitFor(() => 'auth' in window)
  await tab.evaluate(async () => void (await window.auth.ready()))
}

/** Waits for what the server or a page will show, without saying when. */
export async function until(holds: () => boolean | Promise<boolean>, patience = 20_000): Promise<void> {
  const end = performance.now() + patience
  while (!(await holds())) {
    if (performance.now() > end) throw new Error(`never came true: ${holds}`)
    await new Promise(resolve => setTimeout(resolve, 25))
  }
}
