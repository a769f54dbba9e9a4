import type { Held } from './held.ts'
import type { Owner } from './identity.ts'

/**
 * A copy of the headers that the caller gave. A plain object stays one, because `Headers` are then made only once,
 * together with the token's header.
 */
export type HeaderCopy = Record<string, string> | Headers

export const NO_HEADERS: HeaderCopy = Object.freeze({})

/** Reads and writes the `Authorization` header (RFC 6750 §2.1). */
export interface Bearer {
  /**
   * Removes an `Authorization` value that this client wrote, as in a request that the caller copied, and returns the
   * owner of that request. `'other'`: the app wrote a value of its own.
   */
  take(headers: HeaderCopy): Owner | 'other' | null
  /** Remembers the token, since the app is given it and may send it itself. */
  remember(token: Held): void
  /** The owner of a token that this client has recently sent, or given to the app. */
  ownerOf(token: string): Owner | undefined
  /** The headers to send: those of the caller and that of the token. */
  attach(headers: HeaderCopy, token: Held | null): Headers
}

/** How many headers of its own the client remembers, to tell them from a caller's. */
const REMEMBERED = 16

export function createBearer(scheme: string): Bearer {
  const headerOf = (token: string): string => `${scheme} ${token}`
  /** Keyed by a digest, so that no token is kept for longer than its session. */
  const written = new Map<number, Owner>()
  /**
   * The token's header, made once for each token: copying it costs less than checking a long value for each request.
   */
  const made = new WeakMap<Held, Headers>()

  function headersOf(held: Held): Headers {
    let headers = made.get(held)
    if (!headers) {
      const value = headerOf(held.accessToken)
      headers = new Headers({ Authorization: value })
      made.set(held, headers)
      written.set(digest(value), { identity: held.identity })
      if (written.size > REMEMBERED) written.delete(written.keys().next().value as number)
    }
    return headers
  }

  return {
    take(headers) {
      if (headers === NO_HEADERS) return null
      const isNative = headers instanceof Headers
      let found: Owner | 'other' | null = null
      for (const name of isNative ? ['Authorization'] : Object.keys(headers)) {
        // The caller may have written the name in any case.
        if (name.length !== 13 || name.toLowerCase() !== 'authorization') continue
        const value = isNative ? headers.get(name) : headers[name]
        // `Headers` join the values of one name.
        const parts = value?.split(',') ?? []
        const others = parts.filter(part => {
          const owner = written.get(digest(part.trim()))
          if (found !== 'other') found = owner ?? 'other'
          return !owner
        })
        if (others.length === parts.length) continue
        if (isNative) headers.delete(name)
        else delete headers[name]
        if (!others.length) continue
        if (isNative) headers.set(name, others.join(','))
        else headers[name] = others.join(',')
      }
      return found
    },
    remember: token => void headersOf(token),
    ownerOf: token => written.get(digest(headerOf(token))),
    attach(given, token) {
      const authorization = token ? headersOf(token) : undefined
      if (given instanceof Headers && !given.keys().next().done) {
        const headers = new Headers(given)
        if (authorization) headers.set('Authorization', authorization.get('Authorization') as string)
        return headers
      }
      const headers = new Headers(authorization)
      for (const name of Object.keys(given)) headers.append(name, (given as Record<string, string>)[name]!)
      return headers
    },
  }
}

export function copyHeaders(given: HeadersInit): HeaderCopy {
  const copy = Symbol.iterator in Object(given) ? null : copyPlain(given as Record<string, string>)
  // A symbol is no header name: let the engine throw its own error.
  if (!copy || Object.getOwnPropertySymbols(copy).length > 0) return new Headers(given)
  // An object that becomes text only when it is sent could change until then.
  for (const name of Object.keys(copy)) copy[name] = `${copy[name]}`
  return copy
}

/** `null` if a spread would miss what the engine reads: members of a class, behind a getter, or not enumerable. */
export function copyPlain<T extends object>(given: T): T | null {
  if (!isPlain(given)) return null
  try {
    const copy = { ...given }
    return Object.getOwnPropertyNames(given).length === Object.keys(copy).length ? copy : null
  } catch {
    return null // a getter threw, maybe of a member that nobody asks for
  }
}

function isPlain(value: unknown): boolean {
  if (value === null || value === undefined) return false
  const prototype = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}

/** FNV-1a, 32 bits: enough to recognize a header, and no token can be computed from it. */
function digest(text: string): number {
  let hash = 0x811c9dc5
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193)
  return hash
}
