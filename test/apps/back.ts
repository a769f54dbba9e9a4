import { DEMO_CREDENTIALS } from '../../demo/server/credentials.ts'
import { type Drive, equal, lacks, logIn, type Stage, type Steps, WORDS } from './drive.ts'
import type { Front } from './front.ts'
import { openScreen, type Screen } from './screen.ts'

const [, grace] = DEMO_CREDENTIALS

/** The page of a user goes to the back/forward cache, and comes back. */
export async function inBackForwardCache({ browser, backend }: Stage, front: Front): Promise<Drive> {
  await browser.raw!.deleteCookie(...(await browser.raw!.cookies()))
  const first = await openScreen(browser, front.url)

  async function leaveAndComeBack(meanwhile = async () => {}): Promise<void> {
    await first.tab.evaluate(() => {
      addEventListener('pageshow', ({ persisted }) => Object.assign(window, { isBack: persisted }))
    })
    await first.tab.goto(backend.url)
    await meanwhile()
    backend.log.clear()
    await first.tab.back()
    await first.tab.waitFor(() => Reflect.get(window, 'isBack') === true)
    await first.tab.evaluate(() => void Object.assign(window, { isBack: false }))
  }

  /** The user logs out in another tab. It is closed at the end: a hidden tab takes no clicks. */
  async function inAnotherTab(afterwards: (screen: Screen) => Promise<void>): Promise<void> {
    const screen = await openScreen(browser, front.url)
    await screen.goto('/items')
    await screen.shows('Out of the form')
    await screen.press('button', 'Log out')
    await screen.shows('Email')
    await afterwards(screen)
    await screen.tab.close()
  }

  const listings = () =>
    backend.log.entries().filter(({ method, path }) => method === 'GET' && path === '/api/items')

  const steps: Steps = {
    'what the user adds is in the list, and an answer of the API is told': async () => {
      await first.goto('/items')
      await logIn(first)
      await first.shows(WORDS.item)
      await first.fill('Title', 'x'.repeat(201))
      await first.press('button', 'Add')
      await first.alerts('Choose another title.')
      await first.fill('Title', 'Out of the form')
      await first.press('button', 'Add')
      await first.shows('Out of the form')
      equal(await first.valueOf('Title'), '')
    },
    'a page that comes back has what the user has typed, and loads nothing again': async () => {
      await first.fill('Title', 'Half a title')
      await leaveAndComeBack()
      await first.shows(WORDS.signedIn)
      await first.shows('Out of the form')
      equal(await first.valueOf('Title'), 'Half a title')
      equal(listings(), [])
    },
    'a page that comes back to nobody shows the login, and nothing of its user': async () => {
      await first.seen()
      await leaveAndComeBack(() => inAnotherTab(async () => {}))
      await first.shows('Email')
      lacks((await first.seen()).join('\n'), 'Out of the form')
    },
    'a page that comes back to another user shows nothing of the one before': async () => {
      await logIn(first)
      await first.shows('Out of the form')
      await first.fill('Title', 'Of Ada alone')
      await first.seen()
      await leaveAndComeBack(() =>
        inAnotherTab(async screen => {
          await logIn(screen, grace!.password, grace)
          await screen.shows(`Signed in as ${grace!.name}`)
        }),
      )
      await first.shows(`Signed in as ${grace!.name}`)
      await first.shows(WORDS.item)
      lacks((await first.seen()).join('\n'), 'Out of the form')
      equal(await first.valueOf('Title'), '')
      equal(listings().length, 1)
    },
  }
  return { steps, look: () => first.look(), close: () => first.tab.close() }
}
