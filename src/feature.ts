import { AuthError } from './errors.ts'

/**
 * The value of an option that brings code of its own: made by an imported function, so that a bundler drops what an app
 * does not import. It describes and holds no state, so any number of clients can be given the same value.
 */
export interface Feature<Option extends string = string> {
  /** The option that it is for. */
  readonly feature: Option
}

/** @throws AuthError `invalid_option`, naming the function and its argument */
export function demand(holds: boolean, name: string, requirement: string): void {
  if (!holds) throw new AuthError('invalid_option', `"${name}" must be ${requirement}.`)
}
