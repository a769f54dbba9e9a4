/** The name of a point. What stands before the first dash is its group. */
export type PointId =
  | 'login'
  | 'login-body'
  | 'login-expires-in'
  | 'login-wrong-password'
  | 'login-unknown-user'
  | 'login-malformed'
  | 'cookie'
  | 'cookie-http-only'
  | 'cookie-same-site'
  | 'cookie-path'
  | 'cookie-secure'
  | 'cookie-max-age'
  | 'cookie-domain'
  | 'refresh'
  | 'refresh-rotation'
  | 'refresh-user'
  | 'refresh-issued-at'
  | 'refresh-no-cookie'
  | 'refresh-unknown-cookie'
  | 'refresh-keeps-cookies'
  | 'grace-race'
  | 'grace-lost-answer'
  | 'reuse-superseded'
  | 'reuse-after-grace'
  | 'logout'
  | 'logout-ends-session'
  | 'logout-clears-cookies'
  | 'logout-again'
  | 'logout-rotated-cookie'
  | 'origin'
  | 'origin-missing'
  | 'origin-echo'
  | 'api'
  | 'api-no-token'
  | 'api-bad-token'
  | 'api-forged-token'
  | 'api-expired-token'
  | 'no-store'
  | 'error-bodies'
  | 'cors-preflight'
  | 'cors-answers'
  | 'cors-errors'
  | 'cors-expose'

/** One thing that the contract asks of a backend. */
export interface ContractPoint {
  readonly id: PointId
  /** The rule. */
  readonly title: string
  /** What the backend should do. */
  readonly expected: string
  /** What goes wrong otherwise. */
  readonly why: string
  /** Where to read more: a section of the documentation. */
  readonly see: string
}

/** Does this name mean the point: by its id, or as the group in front of the dash? */
export const isNamed = (id: PointId, name: string): boolean => id === name || id.startsWith(`${name}-`)
