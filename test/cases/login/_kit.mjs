// Shared by the cases: loads the built package from argv[2] and fakes a network. No dependency but the package itself.
import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'

const folder = resolve(process.argv[2] ?? '.')
export const dist = existsSync(resolve(folder, 'dist')) ? resolve(folder, 'dist') : folder
const load = name => import(pathToFileURL(resolve(dist, name)).href)
export const { cookieMode, createAuthClient, doubleSubmit, idleTimeout, tokenStorage, webStorage, isAuthError, oauth2 } = await load('index.js')
export const { createTestBrowser, createTestClock, makeToken, createFakeAuthServer } = await load('testing/core.js')

/** Routes as { 'POST /login': (request, body) => Response }. Records what came. */
export function createServer(routes, { latency = 0 } = {}) {
  const calls = []
  async function fetch(input, init) {
    const request = new Request(new URL(input.url ?? input, 'http://localhost:3000/'), init)
    const { pathname } = new URL(request.url)
    const text = await request.clone().text()
    let body
    try {
      body = JSON.parse(text)
    } catch {
      body = text || undefined
    }
    const call = { key: `${request.method} ${pathname}`, headers: request.headers, body, bearer: request.headers.get('authorization') }
    calls.push(call)
    if (latency) await new Promise(done => setTimeout(done, latency))
    const answer = routes[call.key]
    const response = answer ? await answer(call) : new Response('nothing here', { status: 404 })
    if (response.status >= 300 && response.status < 400 && init?.redirect === 'error') throw new TypeError('Failed to fetch')
    call.status = response.status
    return response
  }
  return { fetch, calls, count: key => calls.filter(call => call.key === key).length, last: key => calls.findLast(call => call.key === key) }
}
export const json = (body, status = 200, headers = {}) =>
  new Response(body === undefined ? null : JSON.stringify(body), { status, headers: { 'Content-Type': 'application/json', ...headers } })

export const settle = (ms = 20) => new Promise(done => setTimeout(done, ms))
export const outcome = promise => promise.then(value => ({ value }), error => ({ error }))
export function createStore(shared = false) {
  const map = new Map()
  return { map, shared, get: key => map.get(key) ?? null, set: (key, value) => void map.set(key, value), remove: key => void map.delete(key) }
}

let bad = 0
export function check(what, ok, seen) {
  console.log(`${ok ? 'ok  ' : 'FAIL'} ${what}${ok ? '' : `\n     seen: ${typeof seen === 'string' ? seen : JSON.stringify(seen)}`}`)
  if (!ok) bad++
}
export const end = () => process.exit(bad ? 1 : 0)
setTimeout(() => {
  console.log('FAIL the case did not end within 120 s')
  process.exit(1)
}, 120_000).unref()
