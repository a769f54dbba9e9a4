import { headers } from 'next/headers'

const backend = process.env.BACKEND_URL ?? 'http://127.0.0.1:4000'

/** Calls the backend in the name of the user that sent the current request. An outage is a 502. */
export async function callBackend(path: string, init: RequestInit = {}): Promise<Response> {
  const sent = new Headers(init.headers)
  sent.set('Cookie', (await headers()).get('Cookie') ?? '')
  const options = { ...init, headers: sent, cache: 'no-store', signal: AbortSignal.timeout(10_000) } as const
  return fetch(backend + path, options).catch(() => new Response(null, { status: 502 }))
}

/** `null`: nobody is signed in, or the access cookie is dead, or the backend is away. The browser finds out which. */
export async function load<Data>(path: string): Promise<Data | null> {
  const response = await callBackend(path)
  return response.ok ? response.json() : null
}
