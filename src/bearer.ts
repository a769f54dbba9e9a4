import type { Held } from './session.ts'

/** A request's headers as its caller gave them, copied. Not as `Headers`: that is made once, of these and the token's. */
export type HeaderCopy = Record<string, string>

/** Reads and writes the `Authorization` header (RFC 6750 §2.1). */
export interface Bearer {
  /** Takes out what this client wrote, in a request that the caller copied; says whether any, or another's, was there. */
  take(headers: HeaderCopy): 'none' | 'ours' | 'other'
  /** What goes on the wire: the caller's, and the token's. */
  attach(headers: HeaderCopy, token: Held | null): Headers
}

/** How many headers of its own the client remembers, to tell them from a caller's. */
const REMEMBERED = 16

export function createBearer(scheme: string): Bearer {
  const written: string[] = []
  /** With the token's header alone: to copy it costs less than to have a long value checked for each request. */
  let last: { held: Held; headers: Headers } | null = null

  function headersOf(held: Held): Headers {
    if (last?.held === held) return last.headers
    const value = `${scheme} ${held.accessToken}`
    last = { held, headers: new Headers({ Authorization: value }) }
    if (!written.includes(value)) {
      written.push(value)
      if (written.length > REMEMBERED) written.shift()
    }
    return last.headers
  }

  return {
    take(headers) {
      let isOthers = false
      let isOurs = false
      for (const name in headers) {
        // However the caller has written it, and whatever is made of it as text.
        if (name.length !== 13 || name.toLowerCase() !== 'authorization' || !Object.hasOwn(headers, name))
          continue
        if (written.includes(String(headers[name]))) {
          isOurs = true
          delete headers[name]
        } else isOthers = true
      }
      return isOthers ? 'other' : isOurs ? 'ours' : 'none'
    },
    attach(given, token) {
      const headers = new Headers(token ? headersOf(token) : undefined)
      for (const name of Object.keys(given)) headers.append(name, given[name] as string)
      return headers
    },
  }
}

export function copyHeaders(given: HeadersInit | undefined): HeaderCopy {
  if (!given) return {}
  if (isPlain(given) && !(Symbol.iterator in given)) return { ...(given as HeaderCopy) }
  const copy: HeaderCopy = {}
  for (const [name, value] of given instanceof Headers ? given : new Headers(given)) copy[name] = value
  return copy
}

export function isPlain(value: object): boolean {
  const prototype = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}
