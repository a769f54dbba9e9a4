// Server rendering on Cloudflare (Astro, Nuxt, SvelteKit, Remix there): a client per request with `server: true`, and one made
// in the module's scope as the docs' `auth.ts` is. Needs miniflare: in ../deps or in the folder argv[3].
import { createServer } from 'node:http'
import { createRequire } from 'node:module'
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'

const require = createRequire(resolve(process.argv[2], 'package.json'))
const { build } = await import(pathToFileURL(require.resolve('esbuild')))
const deps = createRequire(resolve(process.argv[3] ?? new URL('../deps', import.meta.url).pathname, 'package.json'))
const { Miniflare } = await import(pathToFileURL(deps.resolve('miniflare')))

const api = createServer((request, response) => {
  const answer = (status, body) => response.writeHead(status, { 'Content-Type': 'application/json' }).end(JSON.stringify(body))
  if (request.url === '/refresh_token' || request.url === '/login') return answer(200, { access_token: 'a2', expires_in: 3600 })
  answer(request.headers.authorization === 'Bearer a2' ? 200 : 401, {})
})
await new Promise(done => api.listen(0, '127.0.0.1', done))
const base = `http://127.0.0.1:${api.address().port}`
const makeWorker = async isShared => (await build({
  stdin: {
    resolveDir: resolve(process.argv[2]),
    contents: `
      import { createAuthClient, shareTabs } from './dist/core.js'
      const shared = ${isShared ? `createAuthClient({ baseUrl: '${base}', tabs: shareTabs() })` : '{ session: { status: "not tried" } }'}
      export default { async fetch() {
        const told = []
        const events = []
        const auth = createAuthClient({ baseUrl: '${base}', server: true, logger: event => { if (event.error) events.push(event.error.message) } })
        const step = async (name, run) => { try { told.push([name, String(await run())]) } catch (error) { told.push([name, error.name + ' ' + error.code + ': ' + error.message]) } }
        await step('module scope', () => shared.session.status)
        await step('setTokens', async () => (await auth.setTokens({ accessToken: 'a1', refreshToken: 'r1', expiresIn: 3600 })).status)
        await step('fetch with a refused token', async () => (await auth.fetch('${base}/items')).status)
        await step('refresh', async () => (await auth.refresh()).status)
        await step('login', async () => (await auth.login({})).status)
        const plain = await step('plain fetch with redirect: error', async () => (await fetch('${base}/items', { redirect: 'error' })).status)
        await step('plain fetch with credentials', async () => (await fetch('${base}/items', { credentials: 'include' })).status)
        await step('plain fetch with no-store', async () => (await fetch('${base}/items', { cache: 'no-store' })).status)
        await step('plain fetch with keepalive', async () => (await fetch('${base}/items', { keepalive: true })).status)
        return Response.json({ told, events })
      } }`,
  },
  bundle: true, format: 'esm', platform: 'browser', write: false, logLevel: 'silent',
})).outputFiles[0].text
let worst = 0
for (const isShared of [true, false]) {
console.log(isShared ? '-- with a client in the module scope' : '-- with a client per request alone')
const worker = new Miniflare({ modules: true, script: await makeWorker(isShared), compatibilityDate: '2026-04-01', handleRuntimeStdio() {} })
try {
  const body = await (await worker.dispatchFetch('http://worker.test/')).json()
  const wanted = { setTokens: 'authenticated', 'fetch with a refused token': '200', refresh: 'authenticated', login: 'authenticated' }
  if (body.told.some(([name, got]) => name in wanted && wanted[name] !== got)) worst = 1
  for (const [name, got] of body.told) console.log(`${name}: ${got}`)
  console.log([...new Set(body.events)].join('\n'))
} catch (error) {
  worst = 1
  console.log(`the worker does not start: ${error.message}`)
} finally {
  await worker.dispose().catch(() => {})
}
}
api.close()
console.log(worst ? 'not ok' : 'ok')
process.exit(worst)
