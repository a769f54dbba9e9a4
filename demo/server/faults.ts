import type { MiddlewareHandler } from 'hono'
import { OptionError } from './config.ts'
import { hangUp, type ServerEnv } from './http.ts'

const REFRESH_FAULTS = ['none', '500', '429', 'hang', 'drop'] as const
const API_FAULTS = ['none', '500', '401'] as const

type RefreshFault = (typeof REFRESH_FAULTS)[number]
type ApiFault = (typeof API_FAULTS)[number]

export interface FaultState {
  refresh: RefreshFault
  api: ApiFault
  /** Every connection of /auth, /user and /api ends without an answer, and before anything is done. */
  offline: boolean
  /** Seconds, sent with the 429. */
  retryAfter: number
  /** How many more requests fail, refreshes and API calls together; null: until cleared. */
  count: number | null
}

export interface Faults {
  state(): FaultState
  /** Replaces the whole state, and lets go of hanging requests. */
  set(state: Record<string, unknown>): FaultState
  /** The faults for one request, of which it spends one if its kind is to fail. */
  take(kind: 'refresh' | 'api'): FaultState
  /** Resolves when the faults are next set: true, or when the caller has gone: false. */
  hang(gone: AbortSignal): Promise<boolean>
}

const CLEAR: FaultState = { refresh: 'none', api: 'none', offline: false, retryAfter: 2, count: null }

const oneOf = <T extends string>(name: string, value: unknown, allowed: readonly T[]): T => {
  const found = allowed.find(candidate => candidate === value)
  if (found !== undefined) return found
  throw new OptionError(`"${name}" must be one of ${allowed.join(', ')}`)
}

const whole = (name: string, value: unknown, low: number): number => {
  if (Number.isInteger(value) && (value as number) >= low && (value as number) <= 3600) return value as number
  throw new OptionError(`"${name}" must be a whole number from ${low} to 3600`)
}

const yesOrNo = (name: string, value: unknown): boolean => {
  if (typeof value === 'boolean') return value
  throw new OptionError(`"${name}" must be true or false`)
}

const read = (input: Record<string, unknown>): FaultState => {
  const { refresh, api, offline, retryAfter, count, ...unknown } = { ...CLEAR, ...input }
  const [stranger] = Object.keys(unknown)
  if (stranger !== undefined) throw new OptionError(`"${stranger}" is not a fault`)
  return {
    refresh: oneOf('refresh', refresh, REFRESH_FAULTS),
    api: oneOf('api', api, API_FAULTS),
    offline: yesOrNo('offline', offline),
    retryAfter: whole('retryAfter', retryAfter, 0),
    count: count === null ? null : whole('count', count, 1),
  }
}

/** `closeIdle` closes the connections that no request is using. `tell` hears of each new state. */
export const createFaults = (closeIdle: () => void, tell: (state: FaultState) => void = () => {}): Faults => {
  let state = CLEAR
  const hanging = new Set<() => void>()

  return {
    state: () => ({ ...state }),
    set: input => {
      state = read(input)
      tell(state)
      for (const release of [...hanging]) release()
      // Chromium sends a POST again by itself when a waiting connection breaks before any answer.
      // On a new connection it does not, so that a drop reaches the page as a drop.
      if (state.refresh === 'drop') closeIdle()
      return { ...state }
    },
    take: kind => {
      const taken = state
      if (taken[kind] !== 'none' && taken.count !== null) {
        state =
          taken.count === 1 ? { ...CLEAR, offline: taken.offline } : { ...taken, count: taken.count - 1 }
        tell(state)
      }
      return taken
    },
    hang: gone =>
      new Promise(resolve => {
        const end = (released: boolean) => {
          hanging.delete(release)
          gone.removeEventListener('abort', leave)
          resolve(released)
        }
        const release = () => end(true)
        const leave = () => end(false)
        hanging.add(release)
        gone.addEventListener('abort', leave)
        if (gone.aborted) leave()
      }),
  }
}

/** To be used ahead of the log: of a call that finds no network the server knows nothing. */
export const hangUpWhenOffline =
  (faults: Faults): MiddlewareHandler<ServerEnv> =>
  async (c, next) =>
    faults.state().offline ? hangUp(c) : next()
