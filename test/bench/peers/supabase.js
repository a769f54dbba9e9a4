import { AuthClient } from '@supabase/auth-js'

/** With the `fetch` that supabase-js wraps around it, which attaches and leaves a 401 to the app. */
export async function create(origin) {
  const stored = new Map()
  const auth = new AuthClient({
    url: origin,
    storage: {
      getItem: key => stored.get(key) ?? null,
      setItem: (key, value) => void stored.set(key, value),
      removeItem: key => void stored.delete(key),
    },
    autoRefreshToken: true,
    persistSession: true,
    detectSessionInUrl: false,
  })
  return {
    login: async () => {
      const { error } = await auth.signInWithPassword({ email: 'ada', password: 'right' })
      if (error) throw error
    },
    get: async url => {
      const { data } = await auth.getSession()
      const headers = new Headers({ Authorization: `Bearer ${data.session?.access_token ?? 'anonymous'}` })
      const response = await fetch(url, { headers })
      await response.text()
      return response.status
    },
  }
}
