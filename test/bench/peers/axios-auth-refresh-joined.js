import { createWith } from './axios-auth-refresh.js'

/** With the option that its README advises against, and without which 401s that arrive together fail. */
export const create = origin => createWith(origin, { deduplicateRefresh: false })
