import { expect } from 'vitest'
import { isAuthError } from '../../src/kernel/errors.ts'

/** What `logout` and an anonymous session say where the server's own answer has ended the session. */
export const REFUSED: { reason: string; error: unknown } = {
  reason: 'rejected',
  error: expect.objectContaining({ code: 'refresh_rejected', status: expect.any(Number) }),
}

/** What an anonymous session says where a restore was refused. */
export const NOBODY: typeof REFUSED = { ...REFUSED, reason: 'initial' }

/** The code and message of the error that this throws, or what else it throws; `undefined` if it does not. */
export function thrownBy(run: () => unknown): unknown {
  try {
    run()
  } catch (error) {
    return isAuthError(error) ? [error.code, error.message] : error
  }
  return undefined
}
