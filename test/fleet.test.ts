import { describe, expect, test } from 'vitest'
import { type Scenario, scenarios } from './bench/fleet/scenarios.ts'
import { installClient, OURS, type Schedule, schedules } from './bench/fleet/schedules.ts'
import { type Result, simulate } from './bench/fleet/simulate.ts'

// The simulation behind docs/fleet.md, small. Same seed, same fleet: a bound that holds once holds in every run.

const CLIENTS = 100

const named = (name: string): Scenario => scenarios.find(scenario => scenario.name === name)!
const NO_JITTER = schedules.find(({ name }) => name === 'no-jitter')!
const run = (name: string, schedule: Schedule = OURS, clients = CLIENTS): Promise<Result> =>
  simulate(named(name), schedule, clients)

/** Calls that arrived from so many seconds after the trouble's end on. */
const callsFrom = ({ arrivals }: Result, scenario: Scenario, from: number, to: number): number =>
  arrivals
    .slice(from - scenario.measuredFrom, to - scenario.measuredFrom)
    .reduce((sum, calls) => sum + calls, 0)

describe('T10 a fleet does not fall on one instant', () => {
  test('in the steady state ten seconds are never three times as busy as the mean', async () => {
    const result = await run('steady-5min', OURS, 200)
    expect(result.peak10ToMean).toBeLessThan(3)
    expect(result).toMatchObject({ longestWait: 0, callsPerToken: 1, staleAtEnd: 0, signOuts: 0 })
  })

  test('a deploy goes apart with time, and without jitter it never does', async () => {
    const [ours, none] = [await run('deploy-5min'), await run('deploy-5min', NO_JITTER)]
    expect(ours.lastPeak10).toBeLessThan(0.8 * ours.peak10)
    expect(none.lastPeak10).toBeGreaterThan(0.9 * none.peak10)
    expect(ours.signOuts).toBe(0)
  })

  test('laptops that wake at nine have a token at once, for one call each', async () => {
    const result = await run('nine')
    expect(result).toMatchObject({ callsPerToken: 1, staleAtEnd: 0, signOuts: 0 })
    expect(result.longestWait).toBeLessThan(1)
  })
})

describe('F2 a fleet without its server loses nobody', () => {
  test('in an outage no client asks more than a few times a minute, and after it all are back within one', async () => {
    const scenario = named('outage')
    const result = await run('outage')
    const { from, to } = scenario.outage!
    const minutes = (to - from) / 60
    // Once their backoff has grown they ask every 30 s on average.
    expect(callsFrom(result, scenario, from, to)).toBeLessThan(3 * minutes * CLIENTS)
    expect(result.longestWait).toBeLessThan(61)
    expect(result).toMatchObject({ staleAtEnd: 0, signOuts: 0 })
  })

  test('the network of an office comes back: one call each', async () => {
    const result = await run('network')
    expect(result).toMatchObject({ callsPerToken: 1, staleAtEnd: 0, signOuts: 0 })
    expect(result.longestWait).toBeLessThan(2)
  })
})

describe('F14 a fleet with tokens that renew themselves', () => {
  const sliding = (refreshAhead: number): Schedule => ({
    ...OURS,
    install: (device, random) => installClient(device, random, { sliding: true, refreshAhead }),
  })

  /** All log in at once; tokens of 40 s. */
  const outage = (from: number, to: number): Scenario => ({
    name: 'sliding',
    title: 'Tokens of 40 s that renew themselves',
    lifetime: 40,
    loginsWithin: 0,
    measuredFrom: 0,
    end: 120,
    outage: { from, to },
  })

  test.each([1, 2, 3, 4, 5])('an outage from second 19 to 29 signs none of 200 out, seed %i', async seed => {
    for (const refreshAhead of [20_000, 16_000, 8_000]) {
      const result = await simulate(outage(19, 29), sliding(refreshAhead), 200, seed)
      expect(result).toMatchObject({ signOuts: 0, staleAtEnd: 0 })
      expect(result.callsPerToken).toBeLessThan(3)
    }
  })

  test('nor does one that is over 3 s before the end, however early it began', async () => {
    const result = await simulate(outage(10, 37), sliding(20_000), 200)
    expect(result).toMatchObject({ signOuts: 0, staleAtEnd: 0 })
  })
})

describe('F3 a fleet that was told when to come back', () => {
  test('does not come before', async () => {
    const scenario = named('outage-named')
    const result = await run('outage-named')
    const { from, to } = scenario.outage!
    // Each asks once, and is told. (A call on its way at the end is told too late, and asks again.)
    expect(callsFrom(result, scenario, from, to)).toBeLessThanOrEqual(CLIENTS)
    expect(result).toMatchObject({ staleAtEnd: 0, signOuts: 0 })
  })

  test('a server that can refresh but a part of it in a second gets through with few calls in vain', async () => {
    const result = await run('limit', OURS, 240)
    expect(result.callsPerToken).toBeLessThan(1.4)
    expect(result.signOuts).toBe(0)
  })
})

test('T10 the same seed makes the same fleet, and another one another', async () => {
  const steady = named('steady-5min')
  const once = await simulate(steady, OURS, 50, 7)
  expect(await simulate(steady, OURS, 50, 7)).toEqual(once)
  expect((await simulate(steady, OURS, 50, 8)).arrivals).not.toEqual(once.arrivals)
})

test('T10 batches add up to the fleet where clients do not meet in the server', async () => {
  const steady = named('steady-5min')
  expect(await simulate(steady, OURS, 60, 1, 20)).toEqual(await simulate(steady, OURS, 60, 1, 60))
})
