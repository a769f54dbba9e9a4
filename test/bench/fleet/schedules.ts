import { createClient } from '../../../src/client.ts'
import type { Environment } from '../../../src/kernel/environment.ts'
import type { AuthClientOptions } from '../../../src/types.ts'
import type { Device } from './device.ts'
import type { Scenario } from './scenarios.ts'

export interface Schedule {
  readonly name: string
  readonly label: string
  /** This package's own code, which answers in promises: each instant has to settle. */
  readonly isReal: boolean
  /** Where it differs from the others; everywhere by default. */
  readonly fits?: (scenario: Scenario) => boolean
  /** Returns what signs the user in. */
  install(device: Device, random: () => number): () => void
}

const ORIGIN = 'https://app.example.com'
const SECOND = 1000

/** The client itself over a virtual browser. One tab stands for the browser: tabs share one refresh anyway. */
export function installClient(
  device: Device,
  random: () => number,
  options: AuthClientOptions = {},
): () => void {
  const storage = new Map<string, string>()
  let issued = 0

  /** What the client reads of a `Response`; a real one would take half of the simulation's time. */
  const toResponse = (status: number, retryAfter = '') => {
    const body = status === 200 ? { access_token: `opaque-${issued++}`, expires_in: device.lifetime } : {}
    return {
      ok: status === 200,
      status,
      headers: { get: (name: string) => (name === 'Retry-After' && retryAfter) || null },
      text: async () => JSON.stringify(body),
    } as Response
  }

  const stored = {
    getItem: (key: string) => storage.get(key) ?? null,
    setItem: (key: string, value: string) => void storage.set(key, value),
    removeItem: (key: string) => void storage.delete(key),
  }
  const environment: Environment = {
    page: { href: `${ORIGIN}/`, origin: ORIGIN },
    baseURI: () => `${ORIGIN}/`,
    now: device.now,
    monotonic: device.monotonic,
    timer: device.timer,
    random,
    report(error) {
      throw error
    },
    online: () => device.online,
    // No signal: nothing here takes long enough to be given up.
    fetch: url =>
      new Promise((resolve, reject) => {
        device.send(`${url}`.endsWith('/login') ? 'login' : 'refresh', ({ status, retryAfter }) => {
          if (status === 0) reject(new TypeError('fetch failed'))
          else resolve(toResponse(status, retryAfter))
        })
      }),
    firstFetch: (input, init) => environment.fetch(input, init),
    inZone: callback => callback,
    onWake: callback => device.onWake(type => callback({ type })),
    prerendering: () => false,
    onceShown: callback => device.timer(callback, 0),
    locks: () => undefined,
    channel() {
      throw new ReferenceError('One tab needs no channel.')
    },
    visible: () => true,
    onActivity: () => () => {},
    onStorage: () => () => {},
    cookies: () => '',
    localStorage: () => stored,
    sessionStorage: () => stored,
  }
  const client = createClient({ restore: 'manual', tabs: false, ...options }, environment)
  client.on('logout', device.signedOut)
  return () => void client.login()
}

/** Every four fifths of a lifetime, come what may, as hand-written code and react-auth-kit do. */
function installInterval(device: Device): () => void {
  const refresh = () => {
    device.timer(refresh, device.lifetime * 0.8 * SECOND)
    device.send('refresh', ({ status }) => status === 401 && device.signedOut())
  }
  return () =>
    device.send('login', () => {
      device.timer(refresh, device.lifetime * 0.8 * SECOND)
    })
}

/**
 * One timer, 60 s before the end, as oidc-client-ts sets it; it looks at the clock at least every 5 s. After a failure
 * it waits for the app, or 5 s where older releases ran into a timeout: taken for every failure here, in its favour.
 */
function installFixedAhead(device: Device, random: () => number): () => void {
  let undo = () => {}
  let isBusy = false
  let expires = 0
  const call = (route: 'login' | 'refresh') => {
    const sentAt = device.now()
    isBusy = true
    device.send(route, ({ status }) => {
      isBusy = false
      if (status === 200) expires = sentAt + device.lifetime * SECOND
      if (status === 401) device.signedOut()
      else undo = device.timer(() => call('refresh'), (status === 200 ? device.lifetime - 60 : 5) * SECOND)
    })
  }
  device.onWake(() => {
    if (isBusy || expires - 60 * SECOND > device.now()) return
    undo()
    undo = device.timer(() => call('refresh'), random() * 5 * SECOND)
  })
  return () => call('login')
}

/**
 * A tick every 30 s that refreshes what ends within three, as supabase's auth-js has it; a failed call is repeated
 * after 200 ms, 400 ms, … as long as that fits into one tick, and then by the next tick. It does not read Retry-After,
 * and takes every refusal but 502, 503 and 504 for the session's end. Ticks that would do nothing are left out.
 */
function installTicker(device: Device, random: () => number): () => void {
  const TICK = 30 * SECOND
  const MARGIN = 3 * TICK
  let phase = device.monotonic() - random() * TICK
  let isBusy = false
  let expires = 0
  let undo = () => {}

  /** The first tick at which there is something to do. */
  function plan(): void {
    undo()
    const wait = Math.max(1, expires - MARGIN - device.now())
    const ticks = Math.ceil((device.monotonic() + wait - phase) / TICK)
    undo = device.timer(() => refresh(), phase + ticks * TICK - device.monotonic())
  }

  function refresh(): void {
    const startedAt = device.now()
    undo()
    isBusy = true
    const attempt = (failures: number): void => {
      const sentAt = device.now()
      device.send('refresh', ({ status }) => {
        const next = 200 * 2 ** failures
        if (status === 200) expires = sentAt + device.lifetime * SECOND
        else if (status !== 0 && status !== 503) return device.signedOut()
        else if (device.now() + next - startedAt < TICK)
          return void device.timer(() => attempt(failures + 1), next)
        isBusy = false
        plan()
      })
    }
    attempt(0)
  }

  device.onWake(type => {
    // It listens for no `online`.
    if (type !== 'visibilitychange' || isBusy) return
    phase = device.monotonic()
    if (expires - MARGIN < device.now()) refresh()
    else plan()
  })
  return () =>
    device.send('login', () => {
      expires = device.now() + device.lifetime * SECOND
      plan()
    })
}

export const OURS: Schedule = {
  name: 'silent-refresh',
  label: 'silent-refresh',
  isReal: true,
  install: (device, random) => installClient(device, random),
}

export const schedules: readonly Schedule[] = [
  OURS,
  {
    name: 'no-jitter',
    label: 'the same, dice always 1',
    isReal: true,
    install: device => installClient(device, () => 1),
  },
  {
    name: 'five-minutes-ahead',
    label: 'the same, refreshAhead: 5 min',
    isReal: true,
    // Where tokens live for less it comes to half of their life at most.
    fits: ({ lifetime }) => lifetime > 600,
    install: (device, random) => installClient(device, random, { refreshAhead: 300 * SECOND }),
  },
  { name: 'interval', label: 'fixed interval', isReal: false, install: installInterval },
  { name: 'fixed-ahead', label: 'fixed 60 s ahead', isReal: false, install: installFixedAhead },
  { name: 'ticker', label: '30 s ticker', isReal: false, install: installTicker },
]
