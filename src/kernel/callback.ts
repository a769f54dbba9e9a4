import { AuthError, errorName, isAuthError } from './errors.ts'
import type { Settings } from './settings.ts'

/**
 * The app's own functions may throw anything, even an error that quotes a token: only the error's name is passed on.
 */
export function threw(log: Settings['log'], option: string, error: unknown): AuthError {
  log({ type: 'callback-threw', option, name: errorName(error) })
  return new AuthError(
    'malformed_response',
    `"${option}" threw. Its error may quote a token, and is not shown.`,
  )
}

/** @throws AuthError of its own, or `malformed_response` */
export async function callback<T>(
  log: Settings['log'],
  option: string,
  run: () => T | Promise<T>,
): Promise<T> {
  try {
    return await run()
  } catch (error) {
    throw isAuthError(error) ? error : threw(log, option, error)
  }
}
