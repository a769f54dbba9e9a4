import { unlessAborted } from '../kernel/abort.ts'
import type { Environment } from '../kernel/environment.ts'

/**
 * The first request to an origin goes alone: its answer may say which nonce the others need, and without it all of them would
 * be sent twice.
 */
export interface FirstAnswer {
  /** Runs now, or when the first answer of this origin has come. */
  after<T>(origin: string, signal: AbortSignal | null | undefined, run: () => Promise<T>): Promise<T>
  came(origin: string): void
}

/** The others do not wait longer: the first answer may be a stream, or a long poll. */
const LONGEST = 2_000

export function createFirstAnswer(environment: Pick<Environment, 'timer'>): FirstAnswer {
  const origins = new Map<string, { coming: Promise<void> | null; came: () => void }>()

  function expect(origin: string): void {
    let came = () => {}
    const coming = new Promise<void>(resolve => {
      const undo = environment.timer(() => came(), LONGEST)
      came = () => {
        undo()
        origins.set(origin, { coming: null, came: () => {} })
        resolve()
      }
    })
    origins.set(origin, { coming, came })
  }

  const came = (origin: string) => origins.get(origin)?.came()

  return {
    came,
    async after(origin, signal, run) {
      const known = origins.get(origin)
      if (known?.coming) await unlessAborted(known.coming, signal)
      if (known) return run()
      expect(origin)
      return run().finally(() => came(origin))
    },
  }
}
