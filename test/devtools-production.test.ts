// @vitest-environment node
import { mkdirSync, readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { transform } from 'esbuild'
import { afterEach, expect, test, vi } from 'vitest'
import { compileScript, parse } from 'vue/compiler-sfc'
import { bundle } from './tools/bundlers.ts'
import { cache, root } from './tools/report.ts'

// Of `dist/`, as docs/devtools.md promises it.

/** What stands before each use, and what its bundler makes of that in a build for users. */
const CONDITIONS: Record<string, string> = {
  Vite: 'import.meta.env.DEV',
  webpack: "process.env.NODE_ENV !== 'production'",
  // `--define` has put the value there.
  esbuild: "'production' !== 'production'",
}

const page = readFileSync(resolve(root, 'docs/devtools.md'), 'utf8')
const blockOf = (language: string, name: string): string => {
  const blocks = [...page.matchAll(/^```(\w+)\n(.*?)^```$/gms)]
  const found = blocks.find(([, its, code = '']) => its === language && code.includes(name))
  expect(found, `a block of ${language} with ${name}`).toBeDefined()
  return found![2]!
}
const toJavaScript = async (code: string, loader: 'ts' | 'tsx'): Promise<string> =>
  (await transform(code, { loader, jsx: 'automatic', format: 'esm' })).code
const CLIENT = "import { createAuthClient } from 'silent-refresh'\nconst auth = createAuthClient()\n"
const inOneFile = (code: string): string => code.replace(/^import \{ auth \} from .*$/m, CLIENT)

/** The lines of the page, for each way to have the panel. */
const APPS: Record<string, () => Promise<string>> = {
  'mountDevtools()': () => toJavaScript(blockOf('ts', 'devtoolsFetch'), 'ts'),
  'the component of React': async () => inOneFile(await toJavaScript(blockOf('tsx', 'AuthDevtools'), 'tsx')),
  'the component of Vue': () => {
    const { descriptor } = parse(blockOf('vue', 'AuthDevtools'))
    const options = { id: 'devtools', inlineTemplate: true, isProd: true }
    return toJavaScript(inOneFile(compileScript(descriptor, options).content), 'ts')
  },
}
const FRAMEWORKS = ['react', 'vue']
const bare = `${CLIENT}export { auth }`

const isIn = (code: string) => /silent-refresh-devtools|Fail the next refresh/.test(code)

afterEach(() => vi.unstubAllEnvs())

const cases = Object.keys(CONDITIONS).flatMap(bundler =>
  Object.keys(APPS).map(app => [bundler, app] as const),
)

test.each(cases)(
  '%s leaves the devtools out of a build for users: %s',
  async (bundler, app) => {
    // As the command line of Vite sets it.
    vi.stubEnv('NODE_ENV', 'production')
    const folder = resolve(cache, 'devtools-production')
    mkdirSync(folder, { recursive: true })
    const code = await APPS[app]!()
    const build = (condition: string) =>
      bundle(bundler, folder, code.replaceAll('import.meta.env.DEV', condition), FRAMEWORKS)
    expect(code).toContain('import.meta.env.DEV')
    const shipped = await build(CONDITIONS[bundler]!)
    expect(isIn(shipped)).toBe(false)
    const without = await bundle(bundler, folder, bare, FRAMEWORKS)
    // What is left are the app's own lines; of a component, those that make it one.
    const own = app === 'mountDevtools()' ? 200 : 500
    expect(shipped.length - without.length).toBeLessThan(own)
    // Had it been kept, this would have been seen.
    expect(isIn(await build('true'))).toBe(true)
  },
  120_000,
)
