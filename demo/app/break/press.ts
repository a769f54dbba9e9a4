import { button, byId, setText, whileBusy } from '../dom.ts'
import { errorInWords } from '../words.ts'

/** A button, and the line below it that tells how it went: `action` returns that in words. */
export function onPress(id: string, outcomeId: string, action: () => Promise<string>): void {
  const pressed = button(id)
  const outcome = byId(outcomeId, HTMLElement)
  pressed.addEventListener('click', () =>
    whileBusy(pressed, async () => {
      setText(outcome, 'Under way …')
      setText(outcome, await action().catch(errorInWords))
    }),
  )
}
