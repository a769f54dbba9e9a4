import { AuthError, invalid } from './errors.ts'
import { pick } from './own.ts'

export type Rule = readonly [holds: (value: any, name: any) => boolean, requirement: string]

export const isFunction = (value: unknown): boolean => typeof value === 'function'
export const isText = (value: unknown): boolean => typeof value === 'string' && value !== ''
/** A token of RFC 9110 §5.6.2, or nearly. */
export const isName = (value: unknown): boolean => isText(value) && !/[^\w.~+-]/.test(value as string)
export const isObject = (value: unknown): boolean => typeof value === 'object' && value !== null
export const aFunction: Rule = [isFunction, 'a function']
export const aFlag: Rule = [value => typeof value === 'boolean', 'a boolean']

type Given<T> = { [Name in keyof T]: Exclude<T[Name], undefined> }

/** A checked copy with members of its own, without those that are `undefined`. */
export function checked<T extends object>(values: T, rules: Record<string, Rule>, prefix = ''): Given<T> {
  const given: Record<string, unknown> = Object.create(null)
  for (const [name, value] of Object.entries(values)) {
    const rule = pick(rules, name)[name]
    if (!rule) throw new AuthError('invalid_option', `"${prefix}${name}" is not an option.`)
    if (value === undefined) continue
    const [holds, requirement] = rule
    if (!holds(value, name)) throw invalid(prefix + name, requirement)
    given[name] = value
  }
  return given as Given<T>
}
