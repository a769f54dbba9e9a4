import { isAuthError } from '../../src/kernel/errors.ts'

/** How a promise has ended so far: `'pending'`, `'fulfilled'`, the code of its AuthError, or what it rejected with. */
export interface Outcome<T> {
  state: unknown
  value: T | undefined
  error: unknown
}

/** Watches a promise, so that a test can look at it at any virtual time; its rejection counts as handled. */
export function watch<T>(promise: Promise<T>): Outcome<T> {
  const outcome: Outcome<T> = { state: 'pending', value: undefined, error: undefined }
  promise.then(
    value => Object.assign(outcome, { state: 'fulfilled', value }),
    error => Object.assign(outcome, { state: isAuthError(error) ? error.code : error, error }),
  )
  return outcome
}
