import type { Held } from './session.ts'

/**
 * A request's headers as its caller gave them, copied. Not as `Headers`, which `fetch` builds anyway: to build one here
 * as well would be most of what a request costs.
 */
export type HeaderCopy = Record<string, string>

/** Reads and writes the `Authorization` header (RFC 6750 §2.1). */
export interface Bearer {
  /** Is it one that this client wrote, in a request that the caller copied? */
  isOurs(authorization: string): boolean
  attach(headers: HeaderCopy, token: Held): void
}

/** How many headers of its own the client remembers, to tell them from a caller's. */
const REMEMBERED = 16

export function createBearer(scheme: string): Bearer {
  const written: string[] = []
  let last: { held: Held; value: string } | null = null

  function valueOf(held: Held): string {
    if (last?.held === held) return last.value
    const value = `${scheme} ${held.accessToken}`
    last = { held, value }
    if (!written.includes(value)) {
      written.push(value)
      if (written.length > REMEMBERED) written.shift()
    }
    return value
  }

  return {
    isOurs: authorization => written.includes(authorization),
    attach(headers, token) {
      headers.Authorization = valueOf(token)
    },
  }
}

export function copyHeaders(given: HeadersInit | undefined): HeaderCopy {
  if (!given) return {}
  const prototype = Object.getPrototypeOf(given)
  if (prototype === Object.prototype || prototype === null) return { ...(given as HeaderCopy) }
  const copy: HeaderCopy = {}
  for (const [name, value] of given instanceof Headers ? given : new Headers(given)) copy[name] = value
  return copy
}

/** However the caller has written its name. */
export function readAuthorization(headers: HeaderCopy): string | null {
  for (const name in headers) {
    if (isAuthorization(name) && Object.hasOwn(headers, name)) return headers[name] as string
  }
  return null
}

export function removeAuthorization(headers: HeaderCopy): void {
  for (const name of Object.keys(headers)) {
    if (isAuthorization(name)) delete headers[name]
  }
}

const isAuthorization = (name: string): boolean =>
  name.length === 13 && name.toLowerCase() === 'authorization'
