import { expect } from 'vitest'

/** What `logout` and an anonymous session say where the server's own answer has ended the session. */
export const REFUSED: { reason: string; error: unknown } = {
  reason: 'rejected',
  error: expect.objectContaining({ code: 'refresh_rejected', status: expect.any(Number) }),
}

/** What an anonymous session says where a restore was refused. */
export const NOBODY: typeof REFUSED = { ...REFUSED, reason: 'initial' }
