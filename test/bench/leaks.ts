import type { Plateaus } from './leaks/measure.ts'
import { measureApart, type Section, table } from './section.ts'

/** What may be left at the end: the engine's own caches move by as much. */
const BAR = 256 * 1024

export async function leaks(): Promise<Section> {
  const found = await measureApart<Plateaus[]>('leaks/measure.ts', [], ['--expose-gc'])
  const kilobytes = (bytes: number) => (bytes / 1024).toFixed(0)
  return {
    tables: {
      leaks: table(
        ['heap in use, KiB', 'before', 'a third', 'two thirds', 'all', 'growth'],
        found.map(({ title, heap }) => [title, ...heap.map(kilobytes), kilobytes(heap.at(-1)! - heap[0]!)]),
      ),
    },
    misses: found
      .filter(({ heap }) => heap.at(-1)! - heap[0]! > BAR)
      .map(({ title, heap }) => `leaks, ${title}: ${kilobytes(heap.at(-1)! - heap[0]!)} KiB are left`),
  }
}
