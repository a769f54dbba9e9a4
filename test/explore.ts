import { spawnSync } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { resolve } from 'node:path'
import { parseArgs } from 'node:util'

// `npm run explore -- --minutes 30`: looks for interleavings that break C11, and for whatever breaks another property,
// with a new seed each time. Stops at the first failure, whose seed, path and schedule fast-check prints.
const root = resolve(import.meta.dirname, '..')
const { values } = parseArgs({
  options: { minutes: { type: 'string', default: '10' }, runs: { type: 'string', default: '5000' } },
})
const end = Date.now() + Number(values.minutes) * 60_000

let rounds = 0
for (; Date.now() < end; rounds++) {
  const seed = randomInt(2 ** 31)
  console.log(`seed ${seed} …`)
  const vitest = resolve(root, 'node_modules/vitest/vitest.mjs')
  const files = ['interleavings', 'model', 'time', 'token', 'requests', 'failure']
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [vitest, 'run', '--config', 'test/vitest.config.ts', '--project', 'unit', ...files],
    {
      cwd: root,
      encoding: 'utf8',
      maxBuffer: 2 ** 28,
      env: { ...process.env, NO_COLOR: '1', SEED: `${seed}`, INTERLEAVINGS: values.runs, PATIENT: '1' },
    },
  )
  if (status !== 0) {
    console.log(stdout, stderr)
    console.log(`seed ${seed} fails, after ${rounds} rounds that passed`)
    process.exit(1)
  }
  console.log(`seed ${seed} passes (${values.runs} runs per property)`)
}
console.log(`${rounds} rounds passed`)
