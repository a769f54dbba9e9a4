import type { ContractMode } from './mode.ts'

/** The name of a point. What stands before the first dash is its group. */
export type PointId =
  | 'login'
  | 'login-body'
  | 'login-refresh-token'
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
  | 'refresh-no-token'
  | 'refresh-unknown-token'
  | 'refresh-keeps-cookies'
  | 'sliding-old-token'
  | 'sliding-race'
  | 'sliding-expired-token'
  | 'grace-race'
  | 'grace-lost-answer'
  | 'reuse-superseded'
  | 'reuse-after-grace'
  | 'logout'
  | 'logout-ends-session'
  | 'logout-clears-cookies'
  | 'logout-again'
  | 'logout-rotated-token'
  | 'origin'
  | 'origin-missing'
  | 'origin-echo'
  | 'csrf'
  | 'csrf-cookie'
  | 'csrf-planted'
  | 'csrf-earlier'
  | 'csrf-api'
  | 'me'
  | 'me-nobody'
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

type GroupOf<Id> = Id extends `${infer Group}-${string}` ? Group : never

/** A point, or all points of a group. */
export type PointName = PointId | GroupOf<PointId>

export interface PointText {
  /** The rule. */
  readonly title: string
  /** What the backend should do. */
  readonly expected: string
  /** What goes wrong otherwise. */
  readonly why: string
  /** Where to read more: a section of the documentation. */
  readonly see: string
}

/** One thing that the contract asks of a backend. */
export interface ContractPoint extends PointText {
  readonly id: PointId
  /** The modes in which it applies. */
  readonly modes: readonly ContractMode[]
}

/** The text of a point. `in`: other words for a mode. */
type TextInModes = PointText & { readonly in?: Partial<Record<ContractMode, Partial<PointText>>> }

/** The texts of all points of these groups. */
export type PointTexts<Group extends string> = Readonly<
  Record<Extract<PointId, Group | `${Group}-${string}`>, TextInModes>
>

/** Does this name mean the point: by its id, or as the group in front of the dash? */
export const isNamed = (id: PointId, name: string): boolean => id === name || id.startsWith(`${name}-`)
