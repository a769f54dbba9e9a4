import { button, byId, create, input, onSubmit, whileBusy } from './dom.ts'
import { attempt, expectOk, onPress } from './press.ts'
import { api } from './server.ts'
import type { Auth } from './types.ts'
import { plural } from './words.ts'

interface Item {
  id: string
  title: string
}

const RESULT = 'api-result'

const list = byId('items', HTMLUListElement)
const newItem = input('new-item')

/** Requests as an app makes them: by `auth.api`, a ky instance, or by `auth.fetch`. */
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

  onPress('list-items', RESULT, async () => {
    const asked = departures
    const response = await auth.api.get(api.items)
    const items = await response.json<Item[]>()
    if (asked === departures) list.replaceChildren(...items.map(toElement))
    return `GET api/items: ${response.status}, ${plural(items.length, 'item')}.`
  })

  onSubmit(byId('item-form', HTMLFormElement), button('add-item'), () =>
    attempt(RESULT, async () => {
      const asked = departures
      const response = await auth.fetch(api.items, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify({ title: newItem.value }),
      })
      const item: Item = await (await expectOk(response)).json()
      if (asked === departures) list.append(toElement(item))
      newItem.value = ''
      return `POST api/items: ${response.status}, “${item.title}” added.`
    }),
  )

  function toElement({ id, title }: Item): HTMLLIElement {
    const remove = create('button', { type: 'button', ariaLabel: `Delete “${title}”` }, 'Delete')
    remove.dataset.testid = 'delete-item'
    const element = create('li', {}, create('span', {}, title), remove)
    const drop = () =>
      attempt(RESULT, async () => {
        const response = await auth.fetch(`${api.items}/${id}`, { method: 'DELETE' })
        await expectOk(response)
        if (element.contains(document.activeElement)) button('list-items').focus()
        element.remove()
        return `DELETE api/items: ${response.status}, “${title}” deleted.`
      })
    remove.addEventListener('click', () => void whileBusy(remove, drop))
    return element
  }

  onPress('echo', RESULT, async () => {
    const response = await auth.fetch(api.echo, { method: 'POST', body: 'Hello' })
    const { headers } = await (await expectOk(response)).json()
    return `POST api/echo: ${response.status}, the server saw “Authorization: ${headers.authorization}”.`
  })

  onPress('get-token', RESULT, async () => {
    const token = await auth.getAccessToken()
    return token
      ? `A token of ${plural(token.length, 'character')}.`
      : 'None: JavaScript has no access token.'
  })
}
