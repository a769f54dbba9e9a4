import type { Feature } from '../types.ts'
import type { Disposal } from './abort.ts'
import type { Backoff } from './backoff.ts'
import type { Decisions } from './decisions.ts'
import type { Endpoints } from './endpoints.ts'
import type { Environment } from './environment.ts'
import { invalid } from './errors.ts'
import type { Events } from './events.ts'
import type { Exchange } from './exchange.ts'
import type { LoginNote } from './login-note.ts'
import type { Marker } from './marker.ts'
import type {
  CookiesPart,
  CsrfPart,
  Exclusive,
  FlowPart,
  IdlePart,
  ProofPart,
  StoragePart,
  TabsPart,
} from './parts.ts'
import type { Refresher } from './refresh.ts'
import type { Restore } from './restore.ts'
import type { Revocation } from './revocation.ts'
import type { Schedule } from './schedule.ts'
import type { ServerClock } from './server-clock.ts'
import type { SessionHolder } from './session.ts'
import type { Settings } from './settings.ts'
import type { SignIn } from './sign-in.ts'
import type { SignOut } from './sign-out.ts'

/**
 * What a feature knows of the client. Read a member only when you use it: while the features are being created, some
 * members do not exist yet.
 */
export interface Kernel {
  readonly settings: Settings
  readonly environment: Environment
  /** Aborts when the client is disposed. */
  readonly disposal: Disposal
  readonly session: SessionHolder
  readonly endpoints: Endpoints
  readonly refresher: Refresher
  readonly exchange: Exchange
  readonly backoff: Backoff
  readonly serverClock: ServerClock
  readonly marker: Marker
  readonly loginNote: LoginNote
  readonly revocation: Revocation
  readonly exclusive: Exclusive
  readonly tabs: TabsPart | undefined
  readonly storage: StoragePart | undefined
  readonly idle: IdlePart | undefined
  readonly csrf: CsrfPart | undefined
  readonly cookies: CookiesPart | undefined
  readonly flow: FlowPart | undefined
  readonly proof: ProofPart | undefined
  readonly schedule: Schedule
  readonly restore: Restore
  readonly decisions: Decisions
  readonly signIn: SignIn
  readonly ending: SignOut
  emit<Name extends keyof Events>(name: Name, detail: Events[Name]): void
}

/** The options that take a feature, and what each feature is to the kernel. */
export interface Parts {
  tabs: TabsPart
  storage: StoragePart
  idle: IdlePart
  csrf: CsrfPart
  mode: CookiesPart
  flow: FlowPart
  proof: ProofPart
}

/**
 * The value of an option that brings code of its own: made by an imported function, so a bundler drops what an app does
 * not import. It is a description without state, so any number of clients can be given the same value.
 */
export interface Plan<Option extends keyof Parts> extends Feature<Option> {
  /**
   * First phase, while the options are read: checks the option against the others, and against the other features.
   * @throws AuthError `invalid_option`
   */
  check?(settings: Settings, plans: Plans): void
  /** Second phase: creates the part of one client. `undefined`: it has nothing to do here, as on a server. */
  create(kernel: Kernel): Parts[Option] | undefined
}

/** The features that the app has given. */
export type Plans = { readonly [Option in keyof Parts]: Plan<Option> | undefined }

export const plan = <Option extends keyof Parts>(
  feature: Option,
  create: Plan<Option>['create'],
  check?: Plan<Option>['check'],
): Feature<Option> => Object.freeze<Plan<Option>>({ feature, create, ...(check && { check }) })

/** Was it made by a function that makes values for this option? */
export const isPlan = <Option extends keyof Parts>(value: unknown, option: Option): value is Plan<Option> =>
  value != null &&
  Object.hasOwn(value, 'create') &&
  typeof (value as Plan<Option>).create === 'function' &&
  (value as Feature).feature === option

/** @throws AuthError `invalid_option`, naming the function or its argument */
export function demand(holds: boolean, name: string, requirement: string): asserts holds {
  if (!holds) throw invalid(name, requirement)
}
