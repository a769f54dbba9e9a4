import { createDevice, type Device } from './device.ts'
import { createRandom, seedOf } from './random.ts'
import type { Scenario } from './scenarios.ts'
import type { Schedule } from './schedules.ts'
import { createServer } from './server.ts'
import { createTimeline } from './timeline.ts'

export interface Result {
  readonly scenario: string
  readonly schedule: string
  readonly clients: number
  /** Refresh calls a second, over what is measured. */
  readonly mean: number
  /** The busiest second. */
  readonly peak: number
  /** A second of the busiest ten. */
  readonly peak10: number
  readonly peakToMean: number
  readonly peak10ToMean: number
  /** A second of the busiest ten in the last lifetime: has what came in step gone apart? */
  readonly lastPeak10: number
  /** Calls for one token. */
  readonly callsPerToken: number
  /** Seconds: the longest that anybody was without a good token though the server and the network were there. */
  readonly longestWait: number
  readonly staleAtEnd: number
  readonly signOuts: number
  /** Calls in each second of what is measured. */
  readonly arrivals: number[]
}

/** Lets every promise run: nothing in the client's way takes a task of its own. */
const settle = (): Promise<void> => new Promise(resolve => setImmediate(resolve))

/**
 * Clients meet only in the server. Where its answer depends on nobody else a large fleet is the sum of its batches, and
 * each batch is simulated by itself; where it does, all are simulated at once.
 */
export async function simulate(
  scenario: Scenario,
  schedule: Schedule,
  clients: number,
  seed = 1,
  batch = 10_000,
): Promise<Result> {
  const size = scenario.limit ? clients : batch
  const { end, measuredFrom } = scenario
  const arrivals = new Float64Array(end - measuredFrom)
  const total = { refused: 0, longestWait: 0, staleAtEnd: 0, signOuts: 0 }
  for (let from = 0; from < clients; from += size) {
    const { server, devices } = await runBatch(scenario, schedule, from, Math.min(clients, from + size), seed)
    for (let second = measuredFrom; second < end; second++) {
      arrivals[second - measuredFrom]! += server.arrivals[second]!
      total.refused += server.refused[second]!
    }
    for (const { isSignedOut, freshUntil, longestWait } of devices) {
      if (isSignedOut) total.signOuts++
      else if (freshUntil < end * 1000) total.staleAtEnd++
      total.longestWait = Math.max(total.longestWait, longestWait / 1000)
    }
  }
  const { refused, ...counts } = total
  return {
    scenario: scenario.name,
    schedule: schedule.name,
    clients,
    ...rates([...arrivals], refused, scenario.lifetime),
    ...counts,
  }
}

async function runBatch(scenario: Scenario, schedule: Schedule, from: number, to: number, seed: number) {
  const { lifetime, loginsWithin, isGradual, outage, end, script } = scenario
  const timeline = createTimeline()
  const server = createServer(scenario, timeline, to - from)
  const devices: Device[] = []
  for (let index = from; index < to; index++) {
    const random = createRandom(seedOf(seed, index))
    const device = createDevice(timeline, server, lifetime, (outage?.to ?? 0) * 1000, random)
    // Dice of its own: what the network throws does not change what the client throws.
    const signIn = schedule.install(device, createRandom(seedOf(~seed, index)))
    const when = isGradual ? (random() + random() + random()) / 3 : random()
    timeline.at(loginsWithin * 1000 * when, signIn)
    script?.(device, (time, action) => timeline.at(time * 1000, action), random)
    devices.push(device)
  }
  await timeline.run(end * 1000, schedule.isReal ? settle : undefined)
  return { server, devices }
}

function rates(arrivals: number[], refused: number, lifetime: number) {
  const calls = arrivals.reduce((sum, count) => sum + count, 0)
  const mean = calls / arrivals.length
  let peak = 0
  let peak10 = 0
  let lastPeak10 = 0
  let sum = 0
  arrivals.forEach((count, second) => {
    sum += count - (arrivals[second - 10] ?? 0)
    peak = Math.max(peak, count)
    peak10 = Math.max(peak10, sum / 10)
    if (second >= arrivals.length - lifetime) lastPeak10 = Math.max(lastPeak10, sum / 10)
  })
  return {
    arrivals,
    mean,
    peak,
    peak10,
    peakToMean: peak / mean,
    peak10ToMean: peak10 / mean,
    lastPeak10,
    callsPerToken: calls / (calls - refused),
  }
}
