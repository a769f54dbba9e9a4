import { isAuthError } from 'silent-refresh'
import { button, byId, create, input, onSubmit, whileBusy } from './dom.ts'
import { attempt, expectOk, onPress, Unsuccessful } from './result.ts'
import type { Auth } from './types.ts'
import { plural } from './words.ts'

interface Item {
  id: string
  title: string
}

const MANY = 10

const list = byId('items', HTMLUListElement)
const newItem = input('new-item')

export function mountItems(auth: Auth): void {
  const signedInAs = () => (auth.session.status === 'authenticated' ? (auth.session.claims?.sub ?? '') : null)
  let owner = signedInAs()
  let departures = 0

  // One user's items are not for the eyes of the next; an answer may even come after its user has gone.
  auth.subscribe(() => {
    if (owner === signedInAs()) return
    if (owner !== null) {
      departures++
      list.replaceChildren()
    }
    owner = signedInAs()
  })

  onPress('list-items', 'GET api/items', async () => {
    const asked = departures
    const response = await auth.api.get('api/items')
    const items = await response.json<Item[]>()
    if (asked === departures) list.replaceChildren(...items.map(toElement))
    return `${response.status}, ${plural(items.length, 'item')}`
  })

  onSubmit(byId('item-form', HTMLFormElement), button('add-item'), () =>
    attempt('POST api/items', async () => {
      const asked = departures
      const response = await auth.fetch('/api/items', {
        method: 'POST',
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify({ title: newItem.value }),
      })
      const item: Item = await (await expectOk(response)).json()
      if (asked === departures) list.append(toElement(item))
      newItem.value = ''
      return `${response.status}, “${item.title}” added`
    }),
  )

  function toElement({ id, title }: Item): HTMLLIElement {
    const remove = create('button', { type: 'button', ariaLabel: `Delete “${title}”` }, 'Delete')
    remove.dataset.testid = 'delete-item'
    const element = create('li', {}, create('span', {}, title), remove)
    const drop = () =>
      attempt('DELETE api/items', async () => {
        const response = await auth.fetch(`/api/items/${id}`, { method: 'DELETE' })
        await expectOk(response)
        if (element.contains(document.activeElement)) button('list-items').focus()
        element.remove()
        return `${response.status}, “${title}” deleted`
      })
    remove.addEventListener('click', () => void whileBusy(remove, drop))
    return element
  }

  onPress('echo', 'POST api/echo', async () => {
    const response = await auth.fetch('/api/echo', { method: 'POST', body: 'Hello' })
    const { headers } = await (await expectOk(response)).json()
    return `${response.status}, the server saw “Authorization: ${headers.authorization}”`
  })

  onPress('ten', `${MANY} × GET api/items`, async () => {
    const requests = Array.from({ length: MANY }, () => auth.fetch('/api/items'))
    const tally = new Map<string, number>()
    for (const settled of await Promise.allSettled(requests)) {
      const outcome = inWords(settled)
      tally.set(outcome, (tally.get(outcome) ?? 0) + 1)
    }
    const words = [...tally].map(([outcome, count]) => `${count} × ${outcome}`).join(', ')
    if (tally.get('200') === MANY) return words
    throw new Unsuccessful(words)
  })
}

function inWords(settled: PromiseSettledResult<Response>): string {
  if (settled.status === 'fulfilled') return `${settled.value.status}`
  return isAuthError(settled.reason) ? settled.reason.code : 'no answer'
}
