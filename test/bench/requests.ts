import type { Cost } from './requests/side.ts'
import { measureApart, type Section, table } from './section.ts'

const BAR = 1.1
// Collected by hand between the counts, and by nobody meanwhile.
const FLAGS = ['--expose-gc', '--min-semi-space-size=128', '--max-semi-space-size=128']

type Costs = Record<'fetch' | 'idle' | 'api' | 'peers', Cost[]>

export async function requests(): Promise<Section> {
  const { fetch, idle, api, peers } = await measureApart<Costs>('requests/measure.ts', [], FLAGS)
  const barred = [...fetch, ...api]
  return {
    tables: {
      requests: table(
        ['', 'time, ratio', 'quiet rounds', 'where fetch does nothing', 'bytes', 'bytes, base'],
        barred.map((cost, index) => [
          cost.title,
          cost.ratio.toFixed(2),
          cost.quiet.toFixed(2),
          idle[index]?.ratio.toFixed(2) ?? '-',
          Math.round(cost.bytes),
          Math.round(cost.baseBytes),
        ]),
      ),
      'requests-peers': table(
        ['', 'time, ratio', 'quiet rounds', 'bytes'],
        peers.map(({ title, ratio, quiet, bytes }) => [
          title,
          ratio.toFixed(2),
          quiet.toFixed(2),
          Math.round(bytes),
        ]),
      ),
    },
    // A miss is one by both: the median alone moves by a tenth where other work runs beside it.
    misses: barred
      .filter(({ ratio, quiet }) => Math.min(ratio, quiet) > BAR)
      .map(
        ({ title, ratio, quiet }) =>
          `requests, ${title}: ${ratio.toFixed(2)} and ${quiet.toFixed(2)}, bar ${BAR}`,
      ),
  }
}
