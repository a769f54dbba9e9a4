import { byId, input, setText } from '../dom.ts'
import { changeConfig, type ServerState } from '../server.ts'
import { errorInWords } from '../words.ts'

const GRACE = 10

const toggle = input('grace-on')
const words = byId('grace-words', HTMLElement)

/** The rule of the server that decides what a used refresh token means. */
export function mountGrace(): void {
  toggle.addEventListener('change', async () => {
    try {
      await changeConfig({ grace: toggle.checked ? GRACE : 0 })
    } catch (error) {
      toggle.checked = !toggle.checked
      setText(words, `Nothing was changed: ${errorInWords(error)}.`)
    }
  })
}

/** Shows the grace of the server, after a change from this page or another. */
export function showGrace(server: ServerState): void {
  toggle.checked = server.grace > 0
  setText(words, inWords(server))
}

function inWords({ mode, grace, accessTtl }: ServerState): string {
  if (mode === 'sliding')
    return (
      'Without effect in this mode, which has no refresh token: only a token that is still good buys the next one. ' +
      `An outage longer than a token’s life (${accessTtl} s) signs you out.`
    )
  return grace > 0
    ? `On: a refresh token that comes again within ${grace} s is taken for an answer that was lost, and nobody is ` +
        'signed out. No fault on this page can end your session.'
    : 'Off: a refresh token that comes a second time ends the whole session at once, whoever sent it. A thief gets ' +
        'nothing, but a lost answer looks the same: this page is then signed out, with reason “rejected”.'
}
