import { button, byId, setText, whileBusy } from './dom.ts'
import { errorInWords, statusInWords } from './words.ts'

/** Its message is the outcome in words. */
export class Unsuccessful extends Error {}

/** Does it, and shows how it went. Never rejects. `action` returns its outcome in words. */
export async function attempt(outcomeId: string, action: () => Promise<string>): Promise<void> {
  const outcome = byId(outcomeId, HTMLElement)
  function show(words: string, kind: 'good' | 'bad' | 'waiting'): void {
    setText(outcome, words)
    outcome.dataset.outcome = kind
  }
  show('Under way …', 'waiting')
  try {
    show(await action(), 'good')
  } catch (error) {
    show(error instanceof Unsuccessful ? error.message : sentence(errorInWords(error)), 'bad')
  }
}

const sentence = (words: string): string => (/[.!?]$/.test(words) ? words : `${words}.`)

/** A button, and the line near it that shows how it went. */
export function onPress(id: string, outcomeId: string, action: () => Promise<string>): void {
  const pressed = button(id)
  pressed.addEventListener('click', () => void whileBusy(pressed, () => attempt(outcomeId, action)))
}

export async function expectOk(response: Response): Promise<Response> {
  if (response.ok) return response
  throw new Unsuccessful(statusInWords(response.status, await response.json().catch(() => undefined)))
}
