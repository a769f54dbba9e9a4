import { ORIGIN } from './server.ts'

/** What the client calls its lock and its channel (no kind), or what it keeps, for clients with this `sessionKey`. */
export const nameOf = (
  sessionKey: string,
  kind?: 'token' | 'newest' | 'active' | 'signed-out' | 'hidden',
  origin: string = ORIGIN,
): string => `silent-refresh:${kind ? `${kind}:` : ''}${origin} ${sessionKey}`
