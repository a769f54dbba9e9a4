export interface Pair {
  title: string
  ours: () => Promise<unknown>
  base: () => Promise<unknown>
}

export interface Cost {
  title: string
  /** Time of ours for one of the base's: the median of all rounds. */
  ratio: number
  /** The same of each side's fastest quarter of rounds: those that a busy machine has let be. */
  quiet: number
  /** Bytes a request. */
  bytes: number
  baseBytes: number
}

/** A round is shorter than a time slice: on a busy machine most of them are not interrupted. */
const CALLS = 100

const COUNTED = 1_000

/** One side and the other in many short rounds, so that whatever else the machine does hits both. */
export async function compare({ title, ours, base }: Pair, rounds: number): Promise<Cost> {
  const times: { ours: number; base: number }[] = []
  for (let round = -Math.ceil(rounds / 3); round < rounds; round++) {
    // Who comes first changes, for what one leaves behind is collected under the other.
    const isFirst = round % 2 === 0
    const first = await time(isFirst ? ours : base)
    const second = await time(isFirst ? base : ours)
    if (round >= 0) times.push(isFirst ? { ours: first, base: second } : { ours: second, base: first })
  }
  const ratio = median(times.map(({ ours, base }) => ours / base))
  const quiet = quarter(times.map(({ ours }) => ours)) / quarter(times.map(({ base }) => base))
  return { title, ratio, quiet, bytes: await allocated(ours), baseBytes: await allocated(base) }
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

const median = (values: number[]) => quantile(values, 0.5)
const quarter = (values: number[]) => quantile(values, 0.25)

const quantile = (values: number[], part: number): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length * part)]!
