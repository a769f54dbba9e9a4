export const REALM = 'demo'
export const ISSUER = 'urn:silent-refresh:demo'
export const AUDIENCE = 'urn:silent-refresh:demo:api'
/** What DPoP proofs may be signed with. */
export const PROOF_ALGORITHMS = ['ES256', 'Ed25519'] as const

/**
 * How the tokens travel. `bearer`: access token in the body, refresh token in a cookie. `cookie`: both in cookies.
 * `body`: both in the body. `sliding`: an access token in the body, which is exchanged for the next one. `oauth`: users
 * log in at an authorization server beside this one.
 */
const MODES = ['bearer', 'cookie', 'body', 'sliding', 'oauth'] as const
export type Mode = (typeof MODES)[number]

export const FAMILY_LIFETIME: number = 30 * 24 * 60 * 60 * 1000

export interface ServerOptions {
  /** 0 takes any free port; one that is taken is replaced by a free one. Default 0. */
  port?: number
  /** A file, or `:memory:`, which is the default. */
  db?: string
  /** How the tokens travel, to begin with. Default `bearer`. `oauth` starts the authorization server too. */
  mode?: Mode
  /** Are all tokens bound to a key, and must each request prove it (RFC 9449)? Not in the mode `cookie`. Default `false`. */
  dpop?: boolean
  /** With `dpop`: must each proof contain a nonce of the server? Default `false`. */
  nonces?: boolean
  /** Life of an access token in whole seconds. Default 15. */
  accessTtl?: number
  /** For how many seconds a rotated refresh token may be repeated, at most 10. 0 is strict. Default 10. */
  grace?: number
  /**
   * Origins of the pages, where a proxy sends this server another `Host`: `https://app.example.com`. Beside the server's
   * own origin.
   */
  publicOrigins?: readonly string[]
  /** The folder of the built page. Default `demo/app/dist`. */
  staticRoot?: string
  /** The clock, in epoch milliseconds. Default `Date.now`. */
  now?: () => number
  /** log2 of scrypt's N. Default 15; tests take less. */
  passwordCost?: number
}

/** What can change while the server runs, beside the mode. */
export interface Settings {
  accessTtl: number
  grace: number
}

export class OptionError extends Error {
  override name = 'OptionError'
}

export const checkMode = (value: unknown, name = 'mode'): Mode => {
  const mode = MODES.find(known => known === value)
  if (mode) return mode
  throw new OptionError(`"${name}" must be one of ${MODES.join(', ')}`)
}

/** In cookie mode no script holds the access token, so none can make a proof for it. */
export const checkProvable = (mode: Mode, dpop: boolean, name = 'mode'): Mode => {
  if (dpop && mode === 'cookie') throw new OptionError(`"${name}" cannot be cookie if proofs are demanded`)
  return mode
}

const inRange = (name: string, value: unknown, low: number, high: number, whole: boolean): number => {
  const fits = typeof value === 'number' && value >= low && value <= high
  if (fits && (!whole || Number.isInteger(value))) return value
  throw new OptionError(`"${name}" must be a ${whole ? 'whole ' : ''}number from ${low} to ${high}`)
}

export const checkPort = (value: unknown, name = 'port'): number => inRange(name, value, 0, 65_535, true)
export const checkAccessTtl = (value: unknown, name = 'accessTtl'): number =>
  inRange(name, value, 1, 86_400, true)
export const checkGrace = (value: unknown, name = 'grace'): number => inRange(name, value, 0, 10, false)
export const checkPasswordCost = (value: unknown): number => inRange('passwordCost', value, 4, 20, true)

export const checkOrigin = (value: string, name = 'publicOrigins'): string => {
  const url = URL.parse(value)
  if (url && /^https?:$/.test(url.protocol) && url.href === `${url.origin}/`) return url.origin
  throw new OptionError(`"${name}" must be origins such as http://localhost:3000`)
}

/** Reads a partial change; nothing is applied unless all of it is good. */
export const readSettings = (change: Record<string, unknown>, current: Settings): Settings => {
  const { accessTtl = current.accessTtl, grace = current.grace, ...unknown } = change
  const [stranger] = Object.keys(unknown)
  if (stranger !== undefined) throw new OptionError(`"${stranger}" is not a setting`)
  return { accessTtl: checkAccessTtl(accessTtl), grace: checkGrace(grace) }
}
