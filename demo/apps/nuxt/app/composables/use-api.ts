import { createFetch } from 'ofetch'

// The assertion is needed: Nuxt declares the same function with types of its own.
const api = createFetch({ fetch: auth.fetch }) as typeof $fetch

/** `useFetch` as the user who is signed in. Only the browser knows who that is, so the server does not fetch. */
export const useApi = createUseFetch({ $fetch: api, server: false })
