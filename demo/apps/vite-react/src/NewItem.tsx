import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useAuth } from './auth'

export function NewItem() {
  const { api } = useAuth()
  const queries = useQueryClient()
  const { mutate, error, isPending } = useMutation({
    mutationFn: (title: string) => api.post('/api/items', { json: { title }, retry: 0 }).json(),
    onSuccess: () => queries.invalidateQueries({ queryKey: ['items'] }),
  })

  return (
    <form
      onSubmit={event => {
        event.preventDefault()
        mutate(String(new FormData(event.currentTarget).get('title')))
      }}
    >
      <input name="title" aria-label="New item" required />
      <button type="submit" disabled={isPending}>
        Add
      </button>
      {error && <p role="alert">The item was not added.</p>}
    </form>
  )
}
