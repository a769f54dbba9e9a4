export interface Pair {
  title: string
  ours: () => Promise<unknown>
  base: () => Promise<unknown>
}

export interface Cost {
  title: string
  /** Time of ours for one of the base's: the median of all rounds. */
  ratio: number
  /** Nanoseconds of the base, for a sense of scale. */
  base: number
  /** Bytes a request. */
  bytes: number
  baseBytes: number
}

/** A round is shorter than a time slice: on a busy machine most of them are not interrupted. */
const CALLS = 100

const COUNTED = 1_000

/** One side and the other in many short rounds, so that whatever else the machine does hits both. */
export async function compare({ title, ours, base }: Pair, rounds: number): Promise<Cost> {
  const ratios: number[] = []
  const times: number[] = []
  for (let round = -Math.ceil(rounds / 3); round < rounds; round++) {
    // Who comes first changes, for what one leaves behind is collected under the other.
    const isFirst = round % 2 === 0
    const first = await time(isFirst ? ours : base)
    const second = await time(isFirst ? base : ours)
    if (round < 0) continue
    ratios.push(isFirst ? first / second : second / first)
    times.push((isFirst ? second : first) / CALLS)
  }
  const bytes = await allocated(ours)
  const baseBytes = await allocated(base)
  return { title, ratio: median(ratios), base: median(times) * 1e6, bytes, baseBytes }
}

async function time(run: () => Promise<unknown>): Promise<number> {
  const start = performance.now()
  for (let call = 0; call < CALLS; call++) await run()
  return performance.now() - start
}

/** Of several counts the middle one; the young generation is large enough that nothing is collected meanwhile. */
async function allocated(run: () => Promise<unknown>): Promise<number> {
  const counts: number[] = []
  for (let round = 0; round < 5; round++) {
    globalThis.gc!()
    const before = process.memoryUsage().heapUsed
    for (let call = 0; call < COUNTED; call++) await run()
    counts.push((process.memoryUsage().heapUsed - before) / COUNTED)
  }
  return median(counts)
}

function median(values: number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!
}
