import { expect, test } from 'vitest'
import { engines } from './browsers.ts'
import { describeEngine } from './describe-engine.ts'
import type { Engine } from './engine.ts'
import { soak } from './soak.ts'

async function tenCycles(engine: Engine): Promise<void> {
  const browser = await engine.launch({ throttling: true })
  try {
    const { notes, shortestGap, byTab, calls, ...rest } = await soak(browser, seen => seen >= 10)
    expect(rest).toMatchObject({
      overlaps: 0,
      logouts: 0,
      uncaught: [],
      statuses: Array(5).fill('authenticated'),
    })
    expect(Object.keys(notes)).toEqual(['rotated'])
    expect(byTab.reduce((sum, count) => sum + count)).toBe(notes.rotated)
    expect(Object.keys(calls)).toEqual(['200'])
    // A lifetime is 3 s: a second refresh in one cycle would come sooner than this.
    expect(shortestGap).toBeGreaterThan(1_500)
  } finally {
    await browser.close()
  }
}

for (const engine of engines) {
  describeEngine(engine, () => {
    test(
      'M1 five tabs, single-use tokens: one refresh per cycle, no overlap, no reuse, nobody signed out',
      () => tenCycles(engine),
      90_000,
    )
  })
}
