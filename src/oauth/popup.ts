import { unlessAborted } from '../kernel/abort.ts'
import type { Environment } from '../kernel/environment.ts'
import { AuthError } from '../kernel/errors.ts'
import { hasOnly } from '../kernel/own.ts'
import type { Windows } from '../kernel/windows.ts'
import type { Begun } from './authorization.ts'

// The page that opens the popup, and the page that comes back in it, talk by a channel that is named by `state`.
// `window.opener` would not do: a server with `Cross-Origin-Opener-Policy` cuts it off.

const channelName = (state: string): string => `silent-refresh:oauth:${state}`

/** How often it is looked whether the user has closed the popup, and how many times in a row it has to look closed. */
const LOOK = 500
const LOOKS = 4
/** How long the page in the popup waits for the page that has opened it. */
const ACKNOWLEDGED = 1_000
const LONGEST = 10_000

type Needs = Pick<Environment, 'timer' | 'channel'>

const isAnswer = (data: unknown): data is { answer: string } =>
  hasOnly(data, 'answer') &&
  typeof (data as { answer: unknown }).answer === 'string' &&
  (data as { answer: string }).answer.length <= LONGEST

/**
 * Asks in a popup, which is opened in this very task. Settles with the parameters of the answer.
 *
 * @throws AuthError `popup_blocked`, `login_cancelled`; what `begin` throws; the reason of the signal
 */
export async function askInPopup(
  environment: Needs,
  windows: Windows,
  signal: AbortSignal,
  begin: () => Promise<Begun>,
): Promise<{ state: string; parameters: URLSearchParams }> {
  const popup = windows.open()
  if (!popup) {
    throw new AuthError(
      'popup_blocked',
      'The browser has blocked the popup: call "login" in the click itself.',
    )
  }
  let undo = () => {}
  try {
    const { url, state } = await begin()
    const channel = openChannel(environment, state)
    let stop = () => {}
    undo = () => {
      stop()
      channel.close()
    }
    const answered = new Promise<string>((resolve, reject) => {
      let looks = 0
      const look = () => {
        // While the popup shows a page that cuts it off, it looks closed; then the user types there, and not here.
        looks = popup.closed && windows.hasFocus() ? looks + 1 : 0
        if (looks >= LOOKS) reject(new AuthError('login_cancelled', 'The user has closed the popup.'))
        else lookLater()
      }
      const lookLater = () => {
        stop = environment.timer(look, LOOK)
      }
      lookLater()
      channel.onmessage = ({ data }) => {
        if (!isAnswer(data) || new URLSearchParams(data.answer).get('state') !== state) return
        channel.postMessage({ taken: true })
        resolve(data.answer)
      }
      popup.show(url)
    })
    const answer = await unlessAborted(answered, signal)
    return { state, parameters: new URLSearchParams(answer) }
  } finally {
    undo()
    popup.close()
  }
}

function openChannel(environment: Needs, state: string): ReturnType<Needs['channel']> {
  try {
    return environment.channel(channelName(state))
  } catch {
    throw new AuthError('unsupported', 'A login in a popup needs BroadcastChannel.')
  }
}

/** In the popup: hands the answer to the page that has opened it. `false`: no such page has taken it. */
export function relay(environment: Needs, state: string, answer: string): Promise<boolean> {
  return new Promise(resolve => {
    try {
      const channel = environment.channel(channelName(state))
      const end = (isTaken: boolean) => {
        undo()
        channel.close()
        resolve(isTaken)
      }
      const undo = environment.timer(() => end(false), ACKNOWLEDGED)
      channel.onmessage = ({ data }) => {
        if (hasOnly(data, 'taken') && data.taken === true) end(true)
      }
      channel.postMessage({ answer })
    } catch {
      resolve(false)
    }
  })
}
