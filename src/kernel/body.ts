import { invalid } from './errors.ts'
import { isClassless } from './own.ts'

/** As `[object Map]` says it, of whichever realm. */
const kindOf = (value: unknown): string => Object.prototype.toString.call(value).slice(8, -1)

/** What `fetch` sends as it is. */
export const isBody = (value: unknown): value is BodyInit =>
  ['FormData', 'URLSearchParams', 'Blob', 'File', 'ArrayBuffer'].includes(kindOf(value)) ||
  ArrayBuffer.isView(value)

/**
 * A Map, a form element or a function would go out as `{}` or as nothing, and the answer look like a wrong password.
 * The native error can quote what it met on its way.
 *
 * @throws AuthError `invalid_option`, naming it
 */
export function toJson(name: string, value: unknown): string {
  try {
    return JSON.stringify(value, (_key, member) => {
      if (!canSay(member)) throw new TypeError()
      return member
    })
  } catch {
    throw invalid(name, 'what JSON can say')
  }
}

/** Asked about what `toJSON` has made of a value. */
function canSay(value: unknown): boolean {
  if (Object(value) !== value) return typeof value !== 'symbol'
  // What has its members elsewhere, such as behind private names.
  const isHollow = Object.keys(value as object).length === 0 && !isClassless(value as object)
  return Array.isArray(value) || (kindOf(value) === 'Object' && !isHollow)
}
