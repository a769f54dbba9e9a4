import { describe, test } from 'vitest'
import type { Engine } from './engine.ts'

/** A suite for one engine: skipped by name where the browser is missing, failing under `REQUIRE_BROWSERS=1`. */
export function describeEngine(engine: Engine, suite: (engine: Engine) => void): void {
  if (engine.find()) {
    describe(engine.name, () => suite(engine))
    return
  }
  const missing = `${engine.name} (not found at ${engine.path})`
  if (process.env.REQUIRE_BROWSERS === '1') {
    test(missing, () => {
      throw new Error(`REQUIRE_BROWSERS=1, and ${engine.name} is not at ${engine.path}`)
    })
  }
  describe.skip(missing, () => suite(engine))
}
