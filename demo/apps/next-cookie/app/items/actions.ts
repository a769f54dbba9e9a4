'use server'

import { refresh } from 'next/cache'
import { callBackend } from '../../lib/backend'

/**
 * Returns the status of the backend's answer. Next has compared `Origin` with `Host`. The value in the form belongs to the
 * session that the page was rendered for. If another user has signed in since, the backend refuses it.
 */
export async function addItem(form: FormData): Promise<number> {
  const { status, ok } = await callBackend('/api/items', {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', 'X-XSRF-TOKEN': String(form.get('csrf')) },
    body: JSON.stringify({ title: form.get('title') }),
  })
  if (ok) refresh()
  return status
}
