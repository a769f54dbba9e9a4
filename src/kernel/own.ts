/**
 * Reads these members of an object of the app: its own members, or those of its class. Members of `Object.prototype`
 * are left out: a careless deep merge of foreign data can have put them there.
 */
export function pick<T extends object, Name extends keyof T>(
  object: T | null | undefined,
  ...names: readonly Name[]
): { [Each in Name]?: T[Each] } {
  const picked: { [Each in Name]?: T[Each] } = Object.create(null)
  for (const name of names) if (object && isOf(object, name)) picked[name] = object[name]
  return picked
}

const isOf = (object: object, name: PropertyKey): boolean =>
  Object.hasOwn(object, name) || (!isClassless(object) && isOf(Object.getPrototypeOf(object), name))

/**
 * Is it a plain object? Its prototype is then `null`, or a prototype without one (the `Object.prototype` of any realm).
 */
export function isClassless(object: object): boolean {
  const prototype = Object.getPrototypeOf(object)
  return prototype === null || Object.getPrototypeOf(prototype) === null
}

/** Is it an object whose own members are all among these names? */
export const hasOnly = (object: unknown, ...names: string[]): boolean =>
  typeof object === 'object' && object !== null && Object.keys(object).every(name => names.includes(name))

/** A copy without a prototype: a missing member is `undefined`, even if somebody has changed `Object.prototype`. */
export const bare = <T extends object>(object: T): T => Object.assign(Object.create(null), object)

/**
 * Takes the place of an object that is not there. It inherits from an empty object: engines keep an object without any
 * prototype in a slow form, and each request reads and copies this one.
 */
export const NOTHING: { readonly [name: string]: undefined } = Object.freeze(Object.create(bare({})))
