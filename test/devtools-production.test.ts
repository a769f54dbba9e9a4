// @vitest-environment node
import { mkdirSync } from 'node:fs'
import { resolve } from 'node:path'
import { afterEach, expect, test, vi } from 'vitest'
import { bundle } from './tools/bundlers.ts'
import { cache } from './tools/report.ts'

// Of `dist/`, as docs/devtools.md promises it.

/** What stands before each use, and what its bundler makes of that in a build for users. */
const CONDITIONS: Record<string, string> = {
  Vite: 'import.meta.env.DEV',
  webpack: "process.env.NODE_ENV !== 'production'",
  // `--define` has put the value there.
  esbuild: "'production' !== 'production'",
}

const app = (condition: string) => `
  import { createAuthClient } from 'silent-refresh'
  import { devtoolsFetch, mountDevtools } from 'silent-refresh/devtools'
  export const auth = createAuthClient({ ...(${condition} && { fetch: devtoolsFetch }) })
  if (${condition}) mountDevtools(auth)
`
const bare = `
  import { createAuthClient } from 'silent-refresh'
  export const auth = createAuthClient()
`

const isIn = (code: string) => /silent-refresh-devtools|Fail the next refresh/.test(code)

afterEach(() => vi.unstubAllEnvs())

test.each(Object.keys(CONDITIONS))(
  '%s leaves the devtools out of a build for users',
  async bundler => {
    // As the command line of Vite sets it.
    vi.stubEnv('NODE_ENV', 'production')
    const folder = resolve(cache, 'devtools-production')
    mkdirSync(folder, { recursive: true })
    const shipped = await bundle(bundler, folder, app(CONDITIONS[bundler]!))
    expect(isIn(shipped)).toBe(false)
    const without = await bundle(bundler, folder, bare)
    expect(shipped.length - without.length).toBeLessThan(200)
    // Had it been kept, this would have been seen.
    expect(isIn(await bundle(bundler, folder, app('true')))).toBe(true)
  },
  120_000,
)
