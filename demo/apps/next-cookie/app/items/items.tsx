'use client'

import { useRouter } from 'next/navigation'
import { useState } from 'react'
import { auth, renew } from '../../lib/auth'
import { addItem } from './actions'

export function Buttons() {
  const router = useRouter()
  return (
    <>
      <button type="button" onClick={() => auth.logout()}>
        Log out
      </button>
      <button type="button" onClick={() => router.refresh()}>
        Reload
      </button>
    </>
  )
}

export function RemoveItem({ id, title }: { id: string; title: string }) {
  const router = useRouter()

  async function remove() {
    // Through the client: it renews a dead access cookie, and sends the request again. The page shows what came of it.
    await auth.fetch(`/items/${id}`, { method: 'DELETE' }).catch(() => {})
    router.refresh()
  }

  return (
    <button type="button" aria-label={`Remove ${title}`} onClick={remove}>
      ×
    </button>
  )
}

export function AddItem({ csrf }: { csrf: string }) {
  const [message, setMessage] = useState('')

  async function add(form: FormData) {
    const send = () => addItem(form).catch(() => 502)
    let status = await send()
    // The access cookie is dead, and nothing was added. An action does not go through the client, so ask it by hand.
    if (status === 401 && (await renew())) status = await send()
    setMessage(status === 201 ? '' : messageOf(status))
  }

  return (
    <form action={add}>
      <input type="hidden" name="csrf" value={csrf} />
      <label>
        Title <input name="title" required />
      </label>
      <button type="submit">Add</button>
      {message && <p role="alert">{message}</p>}
    </form>
  )
}

function messageOf(status: number): string {
  if (status === 403) return 'This page was made for another user. Load it again.'
  return status >= 500 ? 'The server cannot be reached.' : 'The item was not added.'
}
