'use client'

import { useMutation, useQueryClient } from '@tanstack/react-query'
import type { SubmitEvent } from 'react'
import { isAuthError } from 'silent-refresh'
import { useAuth } from '../../lib/auth'

export function AddItem() {
  const { api } = useAuth()
  const queries = useQueryClient()
  const { mutate, isPending, error } = useMutation({
    mutationFn: (title: string) => api.post('/api/items', { json: { title } }),
    onSuccess: () => queries.invalidateQueries({ queryKey: ['items'] }),
  })

  function add(event: SubmitEvent<HTMLFormElement>) {
    event.preventDefault()
    const form = event.currentTarget
    mutate(String(new FormData(form).get('title')), { onSuccess: () => form.reset() })
  }

  return (
    <form onSubmit={add}>
      <label>
        Title <input name="title" required />
      </label>
      <button type="submit" disabled={isPending}>
        Add
      </button>
      {error && (
        <p role="alert">
          {isAuthError(error) && error.retryable
            ? 'The server cannot be reached.'
            : 'The item was not added.'}
        </p>
      )}
    </form>
  )
}
