import { DEMO_CREDENTIALS } from '../../demo/server/credentials.ts'
import {
  type Drive,
  driveOf,
  equal,
  killTokens,
  lacks,
  logIn,
  type Stage,
  type Steps,
  WORDS,
} from './drive.ts'
import type { Front } from './front.ts'
import { openScreen, type Screen } from './screen.ts'

const [ada, grace] = DEMO_CREDENTIALS

/** Next keeps pages that were left, hidden, with all that was typed into them. */
export async function inNext({ browser, backend, mode }: Stage, front: Front): Promise<Drive> {
  await browser.raw!.deleteCookie(...(await browser.raw!.cookies()))
  const first = await openScreen(browser, front.url)
  const second = await openScreen(browser, front.url)
  /** Chromium clicks only in the tab that is in front. */
  const show = (screen: Screen) => screen.tab.raw!.bringToFront()

  const logInAs = (screen: Screen, user = ada!) => logIn(screen, user.password, user)
  const typed = () =>
    first.tab.evaluate(() => document.querySelector<HTMLInputElement>('[name="title"]')?.value ?? null)
  /** Until nothing of the user is in the page, on the screen or hidden. Scripts are what the server has sent. */
  const isRidOf = (name: string) =>
    first.tab.waitFor(
      gone =>
        !document.querySelector('[name="title"]') &&
        ![...document.body.children].some(
          ({ tagName, textContent }) => tagName !== 'SCRIPT' && textContent.includes(gone),
        ),
      name,
    )

  /** Types into the form of `/items`, and leaves the page by the back button. */
  async function typeAndLeave(text: string): Promise<void> {
    await first.press('link', 'Items')
    await first.shows(WORDS.item)
    equal(await typed(), '')
    await first.fill('Title', text)
    await first.tab.raw!.goBack()
    await first.shows('Welcome')
    equal(await typed(), text)
  }

  const steps: Steps = {
    'a logout takes along what the user has typed and seen, on hidden pages too': async () => {
      await show(first)
      await first.goto('/')
      await first.press('link', 'Log in')
      await first.shows('Email')
      await logInAs(first)
      await first.shows(WORDS.signedIn)
      await typeAndLeave('Of Ada')
      await show(second)
      await second.goto('/items')
      await second.press('button', 'Log out')
      await second.shows('Email')
      await first.shows('Log in')
      await isRidOf('Ada')
    },
    'the next user of the tab meets nothing of the one before': async () => {
      await show(first)
      await first.seen()
      await first.press('link', 'Log in')
      await first.shows('Email')
      await logInAs(first, grace)
      await first.shows('Signed in as Grace Hopper')
      await typeAndLeave('Of Grace')
      lacks((await first.seen()).join('\n'), 'Ada')
    },
    'another user who signs in elsewhere meets nothing of the one before': async () => {
      await show(second)
      await second.shows(WORDS.item)
      await second.press('button', 'Log out')
      await second.shows('Email')
      await logInAs(second)
      await first.shows(WORDS.signedIn)
      await isRidOf('Grace')
      await show(first)
      await first.press('link', 'Items')
      await first.shows(WORDS.item)
      equal(await typed(), '')
    },
  }
  // In cookie mode an action of the server adds items.
  if (mode === 'bearer') {
    steps['an addition is in the list, with a dead token too'] = async () => {
      await first.fill('Title', 'First addition')
      await first.press('button', 'Add')
      await first.tab.waitFor(() => document.querySelector('li:nth-child(4)') !== null)
      equal(await typed(), '')
      await killTokens(backend)
      await first.fill('Title', 'Second addition')
      await first.press('button', 'Add')
      await first.shows('Second addition')
    }
  }
  return driveOf(steps, () => [first, second])
}
