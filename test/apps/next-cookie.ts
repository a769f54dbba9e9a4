import { DEMO_CREDENTIALS } from '../../demo/server/credentials.ts'
import { until } from '../browser/site.ts'
import { type Drive, equal, killTokens, lacks, logIn, type Stage, type Steps, WORDS } from './drive.ts'
import type { Front } from './front.ts'
import { openScreen, type Screen } from './screen.ts'

const [, grace] = DEMO_CREDENTIALS

/** What the server of the app does in the name of its users: the cookies of the browser go along. */
export async function inNextWithCookies({ browser, backend }: Stage, front: Front): Promise<Drive> {
  await browser.raw!.deleteCookie(...(await browser.raw!.cookies()))
  const first = await openScreen(browser, front.url)
  let second: Screen | undefined
  const callsOf = (method: string) =>
    backend.log
      .entries()
      .filter(entry => entry.method === method)
      .map(({ path, status }) => `${path.split('/', 3).join('/')} ${status}`)

  async function add(title: string): Promise<void> {
    backend.log.clear()
    await first.fill('Title', title)
    await first.press('button', 'Add')
    await first.shows(title)
  }
  async function remove(title: string): Promise<void> {
    backend.log.clear()
    await first.press('button', `Remove ${title}`)
    await first.tab.waitFor(gone => !document.body.innerText.includes(gone), title)
    await first.shows(WORDS.item)
  }

  const steps: Steps = {
    'a visitor is sent nothing of a user': async () => {
      await first.goto('/items')
      await logIn(first)
      await first.shows(WORDS.item)
      for (const headers of [{}, { RSC: '1' }]) {
        lacks(await (await fetch(`${front.url}/items`, { headers })).text(), WORDS.item)
        lacks(await (await fetch(front.url, { headers })).text(), 'Ada')
      }
    },
    'an action acts for the user, with a dead access cookie too': async () => {
      await add('First addition')
      equal(callsOf('POST'), ['/api/items 201'])
      await killTokens(backend)
      await add('Second addition')
      equal(callsOf('POST'), ['/api/items 401', '/auth/refresh_token 200', '/api/items 201'])
    },
    'a route handler acts for the user, with a dead access cookie too': async () => {
      await remove('First addition')
      equal(callsOf('DELETE'), ['/api/items 204'])
      await killTokens(backend)
      await remove('Second addition')
      equal(callsOf('DELETE'), ['/api/items 401', '/api/items 204'])
      equal(callsOf('POST'), ['/auth/refresh_token 200'])
    },
    'a route handler does nothing without the header of the page': async () => {
      const status = await first.tab.evaluate(async () => {
        const { status } = await fetch('/items/any', { method: 'DELETE' })
        return status
      })
      equal(status, 403)
    },
    'an outage that only the server meets is told, and a click loads the page': async () => {
      backend.faults.set({ ...backend.faults.state(), offline: true })
      await first.press('button', 'Reload')
      await first.alerts(WORDS.outage)
      backend.faults.set({ ...backend.faults.state(), offline: false })
      await first.press('button', 'Try again')
      await first.shows(WORDS.item)
    },
    'a new tab loads its page once': async () => {
      second = await openScreen(browser, front.url)
      backend.log.clear()
      await second.goto('/')
      await second.shows(WORDS.signedIn)
      // Each tab that has the session shows it by a lock.
      await second.tab.waitFor(async () => {
        const { held = [] } = await navigator.locks.query()
        return new Set(held.map(({ clientId }) => clientId)).size === 2
      })
      equal(callsOf('GET'), ['/user/whoami 200'])
    },
    'a confirmed logout lets the server render the other tab for nobody': async () => {
      backend.log.clear()
      await first.tab.raw!.bringToFront()
      const release = front.hold('/auth/logout')
      await first.press('button', 'Log out')
      await second!.shows('Log in')
      // The last request of that tab. The server would have got one for the user's page before it.
      await second!.tab.evaluate(async () => void (await (await fetch('/')).text()))
      equal(callsOf('GET'), ['/user/whoami 200'])
      backend.log.clear()
      release()
      await until(() => callsOf('GET').length > 0)
      equal(callsOf('GET'), ['/user/whoami 401'])
      equal(callsOf('POST'), ['/auth/logout 204'])
    },
    'after a logout that the server did not hear of, the next user sees nothing of the one before':
      async () => {
        await first.shows('Email')
        await logIn(first)
        await second!.shows(WORDS.signedIn)
        backend.faults.set({ ...backend.faults.state(), offline: true })
        await first.press('button', 'Log out')
        await first.shows('Email')
        await second!.shows('Log in')
        backend.faults.set({ ...backend.faults.state(), offline: false })
        await Promise.all([first.seen(), second!.seen()])
        await logIn(first, grace!.password, grace)
        for (const screen of [first, second!]) {
          await screen.shows('Signed in as Grace Hopper')
          lacks((await screen.seen()).join('\n'), 'Ada')
        }
        await first.press('button', 'Log out')
      },
    'a form of one user is refused for the next one': async () => {
      await first.shows('Email')
      await logIn(first)
      await first.shows(WORDS.item)
      // Past the client, as in another tab that it does not hear.
      await first.tab.evaluate(async () => {
        const user = { email: 'grace@example.com', password: 'correct horse battery staple' }
        const headers = { 'Content-Type': 'application/json' }
        await fetch('/auth/login', { method: 'POST', headers, body: JSON.stringify(user) })
      })
      await first.fill('Title', 'Of Ada')
      await first.press('button', 'Add')
      await first.alerts('This page was made for another user.')
    },
  }

  return {
    steps,
    async look() {
      const shown = await Promise.all([first.look(), second?.look()])
      return [...shown, ...callsOf('GET'), ...callsOf('POST')].join('\n')
    },
    async close() {
      await first.tab.close()
      await second?.tab.close()
    },
  }
}
