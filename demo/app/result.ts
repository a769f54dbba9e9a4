import { button, byId, setText, whileBusy } from './dom.ts'
import { errorInWords, statusInWords } from './words.ts'

/** Its message is the outcome in words. */
export class Unsuccessful extends Error {}

const result = byId('last-result', HTMLElement)

function show(label: string, outcome: string, good: boolean): void {
  setText(result, `${label} → ${outcome}`)
  result.dataset.outcome = good ? 'good' : 'bad'
}

/** Does it, and tells how it went. Never rejects. `action` returns its outcome in words. */
export async function attempt(label: string, action: () => Promise<string>): Promise<void> {
  try {
    show(label, await action(), true)
  } catch (error) {
    show(label, error instanceof Unsuccessful ? error.message : errorInWords(error), false)
  }
}

export function onPress(id: string, label: string, action: () => Promise<string>): void {
  const pressed = button(id)
  pressed.addEventListener('click', () => void whileBusy(pressed, () => attempt(label, action)))
}

export async function expectOk(response: Response): Promise<Response> {
  if (response.ok) return response
  throw new Unsuccessful(statusInWords(response.status, await response.json().catch(() => undefined)))
}
