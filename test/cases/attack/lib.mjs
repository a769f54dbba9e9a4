// Harness of the proofs: one browser (locks, channels, localStorage, network, virtual time) over the project's own fakes in src/testing.
// Node 24, in the project's root: node ../shared/cases/attack/NN-name.mjs; TREE=/path tests another checkout. Browser cases need a built package.
import { fileURLToPath, pathToFileURL } from 'node:url'
import { resolve } from 'node:path'

export const TREE = process.env.TREE ?? process.cwd()
export const load = path => import(pathToFileURL(resolve(TREE, path)).href)

const { createClient } = await load('src/client.ts')
export const { cookieMode, doubleSubmit, idleTimeout, shareTabs } = await load('src/core.ts')
const { createFullClient } = await load('src/api/full-client.ts')
const { createLockHub } = await load('src/testing/locks.ts')
const { createChannelHub } = await load('src/testing/channel.ts')
const { createClock } = await load('src/testing/clock.ts')
export { createClient, createFullClient, createClock }

export const PAGE = 'https://app.example.com'

export async function settle() {
  for (let i = 0; i < 60; i++) await new Promise(done => setImmediate(done))
}

const storageOf = kept => ({
  getItem: key => kept.get(key) ?? null,
  setItem: (key, value) => void kept.set(key, String(value)),
  removeItem: key => void kept.delete(key),
})

/** One browser: locks, channels, localStorage, cookie jar, network, virtual time. */
export function createBrowser({ fetch, origin = PAGE, href = `${origin}/app` }) {
  const locks = createLockHub()
  const channels = createChannelHub()
  const storage = new Map()
  const clock = createClock(settle)
  let tabs = 0
  const deliver = task => void setImmediate(task)
  const browser = {
    locks, channels, storage, clock, online: true, cookies: '',
    open(options = {}, { full = false, page = { href, origin }, locks: lockKind, visible } = {}) {
      const id = `tab ${++tabs}`
      const wakeUps = new Set()
      const activity = new Set()
      let frozen = false
      const backlog = []
      const enter = task => (frozen ? backlog.push(task) : task())
      const tab = locks.open(id, task => deliver(() => enter(task)))
      const own = new Set()
      const ofTab = new Map()
      const environment = {
        page,
        baseURI: () => page?.href,
        now: clock.now,
        monotonic: clock.monotonic,
        random: () => 0.5,
        timer(callback, ms) {
          if (ms <= 0) { let live = true; deliver(() => live && enter(callback)); return () => void (live = false) }
          return clock.timer(() => enter(callback), ms)
        },
        report: error => world.reported.push(error),
        online: () => browser.online,
        async fetch(input, init) {
          if (!browser.online) throw new TypeError('fetch failed')
          return fetch(input, init, id)
        },
        firstFetch: (input, init) => environment.fetch(input, init),
        inZone: callback => callback,
        prerendering: () => false,
        onStorage: () => () => {},
        onWake(callback) { wakeUps.add(callback); return () => void wakeUps.delete(callback) },
        onceShown: callback => clock.timer(() => enter(callback), 1),
        locks: () => (lockKind === false ? undefined : tab.locks),
        channel(name) { const c = channels.open(name, task => deliver(() => enter(task)), e => world.reported.push(e)); own.add(c); return c },
        visible: () => visible ?? true,
        onActivity(callback) { activity.add(callback); return () => void activity.delete(callback) },
        cookies: () => browser.cookies,
        localStorage: () => storageOf(storage),
        sessionStorage: () => storageOf(ofTab),
      }
      const logs = []
      const events = []
      const make = full ? createFullClient : createClient
      const client = make({ restore: 'manual', tabs: shareTabs(), logger: e => logs.push(e), ...options }, environment)
      for (const name of ['login', 'logout', 'refresh', 'refreshError', 'userChange', 'challenge'])
        client.on(name, detail => events.push([name, detail]))
      const world = {
        id, client, environment, logs, events, reported: [], tabLocks: tab.locks,
        wake(type, persisted) { for (const c of [...wakeUps]) c({ type, ...(persisted !== undefined && { persisted }) }) },
        freeze() { frozen = true },
        thaw() { frozen = false; world.wake('resume'); for (const t of backlog.splice(0)) t() },
        close() { frozen = true; tab.close(); for (const c of own) c.close() },
      }
      return world
    },
  }
  return browser
}

export const jwt = claims => {
  const part = value => Buffer.from(JSON.stringify(value)).toString('base64url')
  return `${part({ alg: 'none' })}.${part(claims)}.${Buffer.from(`sig-${Math.random()}`).toString('base64url')}`
}
export const json = (body, status = 200, headers = {}) =>
  new Response(JSON.stringify(body), { status, headers: { 'Content-Type': 'application/json', ...headers } })

export function verdict(isFaulty, text) {
  console.log(`${isFaulty ? 'FAULT' : 'ok'}: ${text}`)
  process.exit(isFaulty ? 1 : 0)
}
