import { byId, input, setText } from '../dom.ts'
import { type Config, changeConfig } from '../server.ts'
import { note } from '../timeline/feed.ts'
import { errorInWords } from '../words.ts'

const GRACE = 10

const toggle = input('grace-on')
const words = byId('grace-words', HTMLElement)

/** The rule of the server that decides what a used refresh token means. */
export function mountGrace(): void {
  toggle.addEventListener('change', async () => {
    try {
      await changeConfig({ grace: toggle.checked ? GRACE : 0 })
      note({ words: toggle.checked ? 'The grace is on' : 'The grace is off', tone: 'warn' })
    } catch (error) {
      toggle.checked = !toggle.checked
      setText(words, `Nothing was changed: ${errorInWords(error)}.`)
    }
  })
}

/** As the server tells it, whoever has changed it. */
export function showGrace({ grace }: Pick<Config, 'grace'>): void {
  input('grace').value = String(grace)
  toggle.checked = grace > 0
  setText(
    words,
    grace > 0
      ? `On: a refresh token that comes again within ${grace} s is taken for an answer that was lost, and nobody is ` +
          'signed out. No fault on this page can end your session.'
      : 'Off: a refresh token that comes a second time ends the whole session at once, whoever sent it. A thief gets ' +
          'nothing, but a lost answer looks the same: this page is then signed out, with reason “rejected”.',
  )
}
