import type { Device } from './device.ts'

/** All times in seconds. */
export interface Scenario {
  readonly name: string
  readonly title: string
  readonly lifetime: number
  /** Everybody logs in within so long from the beginning: evenly, or most of them in its middle. */
  readonly loginsWithin: number
  /** Where the edge of the logins would be seen in every lifetime after it. */
  readonly isGradual?: boolean
  readonly end: number
  /** What is measured and drawn, up to the end. */
  readonly measuredFrom: number
  /** Where the plot begins to count. */
  readonly zero?: number
  readonly outage?: { readonly from: number; readonly to: number; readonly isNamed?: boolean }
  /** Serves this share of the fleet in a second, and tells the others when to come back. */
  readonly limit?: { readonly share: number; readonly retryAfter: number }
  /** What befalls one device. */
  readonly script?: (
    device: Device,
    at: (time: number, action: () => void) => void,
    random: () => number,
  ) => void
}

const MINUTE = 60
const HOUR = 60 * MINUTE
const EVENING = 20 * MINUTE
const NINE = EVENING + 15 * HOUR

const OUTAGE = { lifetime: 5 * MINUTE, loginsWithin: 5 * MINUTE, measuredFrom: 8 * MINUTE, end: 30 * MINUTE }

export const scenarios: readonly Scenario[] = [
  {
    name: 'steady-5min',
    title: 'Steady state, tokens of 5 minutes',
    lifetime: 5 * MINUTE,
    loginsWithin: 15 * MINUTE,
    isGradual: true,
    measuredFrom: 20 * MINUTE,
    end: 35 * MINUTE,
  },
  {
    name: 'steady-1h',
    title: 'Steady state, tokens of 1 hour',
    lifetime: HOUR,
    loginsWithin: 3 * HOUR,
    isGradual: true,
    measuredFrom: 4 * HOUR,
    end: 6 * HOUR,
  },
  {
    name: 'deploy-5min',
    title: 'A deploy: everyone logs in within a minute, tokens of 5 minutes',
    lifetime: 5 * MINUTE,
    loginsWithin: MINUTE,
    measuredFrom: 0,
    end: 60 * MINUTE,
  },
  {
    name: 'deploy-1h',
    title: 'A deploy: everyone logs in within a minute, tokens of 1 hour',
    lifetime: HOUR,
    loginsWithin: MINUTE,
    measuredFrom: 0,
    end: 8.5 * HOUR,
  },
  {
    name: 'outage',
    title: 'An outage: the auth server answers 503 for 10 minutes',
    ...OUTAGE,
    outage: { from: 10 * MINUTE, to: 20 * MINUTE },
  },
  {
    name: 'outage-named',
    title: 'An outage whose end Retry-After names',
    ...OUTAGE,
    outage: { from: 10 * MINUTE, to: 20 * MINUTE, isNamed: true },
  },
  {
    name: 'limit',
    title: 'A deploy, and a server that refreshes 1/120 of the fleet a second, else 429',
    lifetime: 5 * MINUTE,
    loginsWithin: MINUTE,
    measuredFrom: 0,
    end: 40 * MINUTE,
    limit: { share: 1 / 120, retryAfter: 30 },
  },
  {
    name: 'nine',
    title: 'Laptops wake at nine, within a minute',
    lifetime: 5 * MINUTE,
    loginsWithin: 5 * MINUTE,
    measuredFrom: NINE - MINUTE,
    end: NINE + 20 * MINUTE,
    zero: NINE,
    script(device, at, random) {
      const opened = NINE + MINUTE * random()
      at(EVENING + MINUTE * random(), () => {
        device.sleep()
        device.connect(false)
      })
      at(opened, device.wake)
      at(opened + 1 + 4 * random(), () => device.connect(true))
    },
  },
  {
    name: 'network',
    title: 'The network of an office is back after 10 minutes, for all at once',
    ...OUTAGE,
    script(device, at) {
      at(10 * MINUTE, () => device.connect(false))
      at(20 * MINUTE, () => device.connect(true))
    },
  },
]
