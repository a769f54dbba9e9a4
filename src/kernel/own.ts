/**
 * What an object of the app's has under these names: its own, or its class's. What stands on the root of all prototypes
 * is nobody's: a careless deep merge of what a stranger wrote can have put it there.
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

/** Has it nothing above it but the root of all prototypes? That has none itself, in whichever realm it is. */
export function isClassless(object: object): boolean {
  const prototype = Object.getPrototypeOf(object)
  return prototype === null || Object.getPrototypeOf(prototype) === null
}

/** Is it an object, with no other member of its own than these? */
export const hasOnly = (object: unknown, ...names: string[]): boolean =>
  typeof object === 'object' && object !== null && Object.keys(object).every(name => names.includes(name))

/** A copy that inherits nothing: what is not in it is `undefined`, whoever has been at `Object.prototype`. */
export const bare = <T extends object>(object: T): T => Object.assign(Object.create(null), object)

/** Takes the place of an object that is not there. */
export const NOTHING: { readonly [name: string]: undefined } = bare({})
