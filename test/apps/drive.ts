import { DEMO_CREDENTIALS } from '../../demo/server/credentials.ts'
import type { DemoServer } from '../../demo/server/server.ts'
import type { Browser } from '../browser/engine.ts'
import { until } from '../browser/site.ts'
import type { Front } from './front.ts'
import type { App } from './list.ts'
import { openScreen, type Screen } from './screen.ts'

/** What the pages of every app say: demo/apps/README.md lists it. */
/** What every app shows. */
export const WORDS = {
  forbidden: 'This site is not allowed to log in.',
  item: 'Write the first program',
  outage: 'The server cannot be reached.',
  unloaded: 'The list could not be loaded.',
  signedIn: 'Signed in as Ada Lovelace',
  wrong: 'Wrong email or password.',
} as const

const REFRESH = '/auth/refresh_token'
const [ada] = DEMO_CREDENTIALS

/** One after the other: each goes on where the one before it has left the tabs. */
export type Steps = Record<string, () => Promise<void>>

export interface Drive {
  readonly steps: Steps
  /** What is on the screens now, and what was logged there. For the story of a failure. */
  look(): Promise<string>
  /** Closes the tabs. */
  close(): Promise<void>
}

export interface Stage {
  readonly browser: Browser
  readonly backend: DemoServer
  readonly mode: 'bearer' | 'cookie'
}

/** What a user meets in the built app. */
export async function inProduction({ browser, backend, mode }: Stage, front: Front): Promise<Drive> {
  const first = await openScreen(browser, front.url)
  let second: Screen | undefined
  const calls = (path: string) => backend.log.entries().filter(entry => entry.path === path)
  const fail = (faults: object) => backend.faults.set({ ...backend.faults.state(), ...faults })
  const lastOf = async (screen: Screen) => (await screen.seen()).join('\n')

  const steps: Steps = {
    'the guard takes a visitor to the login': async () => {
      await first.goto('/items?page=2')
      await first.shows('Email')
      equal(await first.address(), `/login?${new URLSearchParams({ to: '/items?page=2' })}`)
      lacks(await lastOf(first), WORDS.item)
    },
    'a wrong password, a refused site and an outage have each their own message': async () => {
      await logIn(first, 'wrong')
      await first.alerts(WORDS.wrong)
      equal(await first.valueOf('Email'), ada!.email)
      front.replaceHost(true)
      await logIn(first)
      await first.alerts(WORDS.forbidden)
      front.replaceHost(false)
      fail({ offline: true })
      await logIn(first)
      await first.alerts(WORDS.outage)
      fail({ offline: false })
    },
    'the login leads back to the page': async () => {
      await logIn(first)
      await first.shows(WORDS.item)
      await first.shows(WORDS.signedIn)
      equal(await first.address(), '/items?page=2')
    },
    'a user who is signed in is taken from the login page to this site only': async () => {
      for (const to of ['//evil.example', '/\\evil.example', 'javascript:alert(1)']) {
        await first.goto(`/login?${new URLSearchParams({ to })}`)
        await first.shows('Welcome')
        equal(await first.address(), '/')
      }
    },
    'a reload shows nothing of the login, and nothing in the console': async () => {
      for (const path of ['/', '/items?page=2']) {
        await first.goto(path)
        await first.shows(WORDS.signedIn)
        await first.seen()
        first.complaints()
        backend.log.clear()
        await first.reload()
        await first.shows(WORDS.signedIn)
        if (path !== '/') await first.shows(WORDS.item)
        lacks(await lastOf(first), 'Log in')
        equal(first.complaints(), [])
        if (mode === 'bearer') equal(calls(REFRESH).length, 1)
      }
    },
    'a call with a dead token refreshes once, and the user notices nothing': async () => {
      await killTokens(backend)
      backend.log.clear()
      await first.seen()
      await first.press('button', 'Reload')
      await until(() => calls('/api/items').some(({ status }) => status === 200))
      await first.shows(WORDS.item)
      equal(calls(REFRESH).length, 1)
      lacks(await lastOf(first), 'Log in')
    },
    'a second tab has the same session': async () => {
      backend.log.clear()
      second = await openScreen(browser, front.url)
      await second.goto('/items')
      await second.shows(WORDS.item)
      lacks(await lastOf(second), 'Log in')
      if (mode === 'bearer') equal(calls(REFRESH).length, 0)
    },
    'a logout in one tab takes the other one to the login': async () => {
      await second!.press('button', 'Log out')
      await second!.shows('Email')
      await first.shows('Email')
      lacks((await first.seen()).at(-1) ?? '', WORDS.item)
      // And the server knows of it.
      await first.reload()
      await first.shows('Email')
    },
    'a login in one tab takes the other one back': async () => {
      await logIn(second!)
      await second!.shows(WORDS.item)
      await first.shows(WORDS.item)
      equal(await first.address(), '/items?page=2')
      await second!.tab.close()
      second = undefined
    },
    'a page that is opened in an outage waits, and appears when the outage is over': async () => {
      fail({ offline: true })
      await first.seen()
      await first.reload()
      await first.shows('One moment …')
      fail({ offline: false })
      await first.shows(WORDS.item)
      equal(await first.address(), '/items?page=2')
      lacks(await lastOf(first), 'Log in')
    },
    'an outage of a page that is open is told, and the page mends itself when it is over': async () => {
      await first.goto('/')
      await first.shows(WORDS.signedIn)
      await killTokens(backend)
      fail({ refresh: '500' })
      await first.seen()
      await first.press('link', 'Items')
      await first.alerts(WORDS.outage)
      fail({ refresh: 'none' })
      await first.shows(WORDS.item)
      lacks(await lastOf(first), 'Log in')
    },
  }
  // In cookie mode the server of the app loads the list.
  if (mode === 'bearer') {
    steps['a list that the API does not give is told, and a click loads it'] = async () => {
      await first.goto('/')
      await first.shows(WORDS.signedIn)
      fail({ api: '500' })
      await first.press('link', 'Items')
      await first.alerts(WORDS.unloaded)
      fail({ api: 'none' })
      await first.press('button', 'Reload')
      await first.shows(WORDS.item)
    }
  }
  return driveOf(steps, () => (second ? [first, second] : [first]))
}

/** What a developer meets. `edit` saves the module with the client once more, with another line at its end. */
export async function inDevelopment(
  { browser }: Stage,
  { hot }: App,
  url: string,
  edit: (times: number) => void,
): Promise<Drive> {
  const screen = await openScreen(browser, url)
  const steps: Steps = {
    'the login goes through the proxy of the development server': async () => {
      await screen.goto('/items')
      await logIn(screen)
      await screen.shows(WORDS.item)
    },
    'a reload logs no warning in development': async () => {
      for (const path of ['/', '/items']) {
        await screen.goto(path)
        await screen.shows(WORDS.signedIn)
        await screen.seen()
        screen.complaints()
        await screen.reload()
        await screen.shows(WORDS.signedIn)
        lacks((await screen.seen()).join('\n'), 'Log in')
        equal(screen.complaints(), [])
      }
    },
    'two hot reloads leave one client, and the user signed in': async () => {
      await screen.shows(WORDS.item)
      await screen.tab.evaluate(() => void Object.assign(window, { isOldPage: true }))
      for (const times of [1, 2]) {
        edit(times)
        await screen.tab.waitFor(wanted => Reflect.get(window, 'edits') === wanted, times)
      }
      await screen.shows(WORDS.item)
      await screen.shows(WORDS.signedIn)
      equal(await screen.liveClients(), 1)
      equal(await screen.tab.evaluate(() => 'isOldPage' in window), hot)
      lacks((await screen.seen()).join('\n'), 'Log in')
    },
  }
  return driveOf(steps, () => [screen])
}

export function driveOf(steps: Steps, screens: () => Screen[]): Drive {
  return {
    steps,
    look: async () => (await Promise.all(screens().map(screen => screen.look()))).join('\n'),
    close: async () => void (await Promise.all(screens().map(({ tab }) => tab.close()))),
  }
}

export async function logIn(
  screen: Screen,
  password: string = ada!.password,
  { email }: { email: string } = ada!,
): Promise<void> {
  await screen.fill('Email', email)
  await screen.fill('Password', password)
  await screen.press('button', 'Log in')
}

/** Every access token is dead from now on, and no client knows. */
export async function killTokens({ url }: DemoServer): Promise<void> {
  const { ok, status } = await fetch(`${url}/demo/revoke-access`, {
    method: 'POST',
    headers: { Origin: url },
  })
  if (!ok) throw new Error(`the demo server revoked no tokens: ${status}`)
}

export function equal(found: unknown, wanted: unknown): void {
  const [a, b] = [JSON.stringify(found), JSON.stringify(wanted)]
  if (a !== b) throw new Error(`found ${a}, not ${b}`)
}

export function lacks(text: string, part: string): void {
  if (text.includes(part)) throw new Error(`"${part}" was on the screen:\n${text}`)
}
