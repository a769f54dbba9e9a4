import type { Scenario } from './scenarios.ts'
import type { Timeline } from './timeline.ts'

export interface Answer {
  /** 0: no network. */
  readonly status: number
  readonly retryAfter?: string | undefined
  /** The refresh token's number: each is good once. */
  readonly rotation?: number
}

/** What the server knows of one session. */
export interface Family {
  rotation: number
  isRevoked: boolean
}

export interface Server {
  login(family: Family): Answer
  /** Rotates, and ends a session whose old token comes back. */
  refresh(family: Family, rotation: number): Answer
  /** Refresh calls that arrived in each second. */
  readonly arrivals: Uint32Array
  /** Those that got no token. */
  readonly refused: Uint32Array
}

/** Wall-clock time at the beginning, on a whole second: a `Retry-After` date has no smaller unit. */
export const EPOCH: number = Date.UTC(2026, 0, 5)

/** An auth server that is there for a whole fleet: what it answers depends on what all of them ask together. */
export function createServer(scenario: Scenario, timeline: Timeline, clients: number): Server {
  const { outage, limit, end } = scenario
  const arrivals = new Uint32Array(end + 1)
  const refused = new Uint32Array(end + 1)
  const capacity = limit ? Math.ceil(clients * limit.share) : Number.POSITIVE_INFINITY
  let served = 0
  let servedIn = -1

  function refusal(second: number): Answer | null {
    if (outage && second >= outage.from && second < outage.to) {
      const named = new Date(EPOCH + outage.to * 1000).toUTCString()
      return { status: 503, retryAfter: outage.isNamed ? named : undefined }
    }
    if (servedIn !== second) served = 0
    servedIn = second
    return ++served > capacity ? { status: 429, retryAfter: `${limit!.retryAfter}` } : null
  }

  const issue = (family: Family): Answer => ({ status: 200, rotation: ++family.rotation })

  return {
    arrivals,
    refused,
    login: issue,
    refresh(family, rotation) {
      const second = Math.min(end, Math.floor(timeline.now / 1000))
      arrivals[second]!++
      const no = refusal(second)
      if (no) {
        refused[second]!++
        return no
      }
      family.isRevoked ||= rotation !== family.rotation
      return family.isRevoked ? { status: 401 } : issue(family)
    },
  }
}
