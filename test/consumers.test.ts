import { execFile } from 'node:child_process'
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import ts6 from 'typescript'
import ts5 from 'typescript5'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { entries, installPacked, lints, type Packed } from './tools/package.ts'
import { root } from './tools/report.ts'

const run = promisify(execFile)
const node = resolve(root, 'node_modules/.bin/node')

/** An app with the packed package, and nothing beside it that the package does not ask for. */
let app: string
let packed: Packed

beforeAll(async () => {
  app = await mkdtemp(join(tmpdir(), 'silent-refresh-consumers-'))
  packed = installPacked(app)
})
afterAll(() => rm(app, { recursive: true, force: true }))

test.each(Object.entries(lints))('P2 clean: %s', (_, lint) => {
  expect(() => lint(packed.tarball)).not.toThrow()
})

test('P2 require() of every entry works, and is the very module that import() is', async () => {
  const script = `
    // Every library for Angular needs it where no Angular build has linked it.
    require(require.resolve('@angular/compiler', { paths: [${JSON.stringify(root)}] }))
    const entries = ${JSON.stringify(entries)}
    const check = async entry => {
      const required = require(entry)
      return required === (await import(entry)) && Object.keys(required).length > 0
    }
    Promise.all(entries.map(check)).then(all => console.log(JSON.stringify(all)))
  `
  const { stdout, stderr } = await run(node, ['-e', script], { cwd: app })
  expect(stderr).toBe('')
  expect(JSON.parse(stdout)).toEqual(entries.map(() => true))
})

test('P2 the command runs with nothing but Node beside it', async () => {
  const alone = await mkdtemp(join(tmpdir(), 'silent-refresh-command-'))
  await cp(join(app, 'node_modules/silent-refresh'), alone, { recursive: true })
  const { bin } = JSON.parse(await readFile(join(alone, 'package.json'), 'utf8'))
  const command = join(alone, bin['silent-refresh-contract'])
  expect(await readFile(command, 'utf8')).toMatch(/^#!\/usr\/bin\/env node\n/)
  const { stdout, stderr } = await run(node, [command, '--list'])
  expect(stderr).toBe('')
  expect(stdout).toMatch(/^login +\S/)
  await rm(alone, { recursive: true })
})

/** What is exported has the type that was found for it, and its declaration has to name that. */
const inferred = (names: string[]) => `
  ${names.map((name, index) => `export * as entry${index} from '${name}'`).join('\n')}
  import { createAuthClient, doubleSubmit, shareTabs, type Session, webStorage } from 'silent-refresh'
  import { cookieMode, createAuthClient as createCore, idleTimeout, tokenStorage } from 'silent-refresh/core'
  interface User { email: string }
  export const auth = createAuthClient({ baseUrl: 'https://api.example.com' })
  export const core = createCore<{ sub: string }, User>({ tabs: shareTabs(), idle: idleTimeout(60_000) })
  export const silent = shareTabs({ tokens: false })
  export const storages = [webStorage(() => sessionStorage), tokenStorage(new Map() as never)]
  export const inCookies = { mode: cookieMode(), csrf: doubleSubmit({ cookie: 'c', header: 'X-C' }) }
  export const session: Session<{ sub: string }, User> = core.session
  export const items = () => auth.api.get('items').json<string[]>()
  export const subscribe = core.subscribe
`
const annotated = `
  import { type AuthClient, createAuthClient } from 'silent-refresh'
  import { type AuthClient as CoreClient, createAuthClient as createCore, type Feature, shareTabs } from 'silent-refresh/core'
  export const auth: AuthClient = createAuthClient()
  export const tabs: Feature<'tabs'> = shareTabs()
  export const core: CoreClient<{ sub: string }> = createCore<{ sub: string }>({ tabs })
`
const required = `
  import main = require('silent-refresh')
  import core = require('silent-refresh/core')
  export const auth = main.createAuthClient()
  export const same: core.AuthClient = auth
`

const using = `
  import { createAuthClient, shareTabs } from 'silent-refresh/core'
  {
    using auth = createAuthClient({ tabs: shareTabs() })
    auth.session
  }
  export {}
`

interface Consumer {
  files: Record<string, string>
  options: Record<string, unknown>
}

const shared = {
  ...{ strict: true, exactOptionalPropertyTypes: true, declaration: true, noEmit: true },
  ...{ skipLibCheck: false, skipDefaultLibCheck: true, types: [] },
  target: 'es2022',
}
const LIB = ['es2022', 'dom']
const consumers: Record<string, Consumer> = {
  'moduleResolution bundler': {
    files: { 'app.ts': inferred(entries) },
    options: { lib: LIB, module: 'esnext', moduleResolution: 'bundler' },
  },
  'moduleResolution nodenext, ES modules and CommonJS': {
    files: { 'app.mts': inferred([]), 'app.cts': required },
    options: { lib: LIB, module: 'nodenext', moduleResolution: 'nodenext' },
  },
  'moduleResolution node16, isolatedDeclarations': {
    files: { 'app.mts': annotated },
    options: { lib: LIB, module: 'node16', moduleResolution: 'node16', isolatedDeclarations: true },
  },
  'using, where the lib knows it': {
    files: { 'app.ts': using },
    options: { lib: [...LIB, 'esnext.disposable'], module: 'esnext', moduleResolution: 'bundler' },
  },
}
const node10: Consumer = {
  // Angular's own packages cannot be found that way.
  files: { 'app.ts': inferred(entries.filter(entry => entry !== 'silent-refresh/angular')) },
  options: { lib: LIB, module: 'esnext', moduleResolution: 'node10' },
}

/** The folder with the app's sources and its tsconfig.json. */
async function write({ files, options }: Consumer): Promise<string> {
  const folder = await mkdtemp(join(app, 'consumer-'))
  const config = { compilerOptions: { ...shared, ...options }, files: Object.keys(files) }
  await writeFile(join(folder, 'tsconfig.json'), JSON.stringify(config))
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text)
  return folder
}

// As far as they are used here, the two have one interface.
const compilers = [ts5, ts6 as unknown as typeof ts5]
const libraries = new Map<string, ts5.SourceFile | undefined>()

/** What the compiler says about the app and the package; what frameworks' own declarations lack is theirs. */
function compile(compiler: typeof ts5, folder: string): string[] {
  const host = compiler.createCompilerHost({})
  const { getSourceFile } = host
  // The compiler's own libraries are most of the work, and the same for every app.
  host.getSourceFile = (name, options) => {
    const key = `${compiler.version} ${name}`
    const file = libraries.get(key) ?? getSourceFile(name, options)
    if (/\/lib\.[^/]+\.d\.ts$/.test(name)) libraries.set(key, file)
    return file
  }
  const config = compiler.readConfigFile(join(folder, 'tsconfig.json'), host.readFile)
  const { fileNames, options, errors } = compiler.parseJsonConfigFileContent(
    config.config,
    compiler.sys,
    folder,
  )
  const program = compiler.createProgram(fileNames, options, host)
  const ours = program.getSourceFiles().filter(({ fileName }) => fileName.startsWith(app))
  expect(ours.some(({ fileName }) => fileName.endsWith('/silent-refresh/dist/core.d.ts'))).toBe(true)
  const diagnostics = [
    ...errors,
    ...program.getOptionsDiagnostics(),
    ...ours.flatMap(file => [
      ...program.getSyntacticDiagnostics(file),
      ...program.getSemanticDiagnostics(file),
      ...(file.isDeclarationFile ? [] : program.getDeclarationDiagnostics(file)),
    ]),
  ]
  return diagnostics.map(({ file, messageText }) =>
    [file?.fileName, compiler.flattenDiagnosticMessageText(messageText, ' ')].join(': '),
  )
}

describe.each(compilers)('an app in TypeScript $version', compiler => {
  test.each(Object.entries(consumers))('P2 compiles with declarations: %s', async (_, consumer) => {
    expect(compile(compiler, await write(consumer))).toEqual([])
  })

  test('P2 compiles with declarations: moduleResolution node10', async () => {
    const silence = compiler.version.startsWith('6.') ? { ignoreDeprecations: '6.0' } : {}
    const consumer = { ...node10, options: { ...node10.options, ...silence } }
    expect(compile(compiler, await write(consumer))).toEqual([])
  })
})

// It has no interface for programs so far, and no node10 any more.
describe('an app in TypeScript 7', () => {
  test.each(Object.entries(consumers))('P2 compiles with declarations: %s', async (_, consumer) => {
    const tsc = resolve(root, 'node_modules/typescript7/bin/tsc')
    const said = await run(node, [tsc, '-p', await write(consumer)]).catch(error => error)
    expect(said.stdout).toBe('')
    expect(said.code).toBeUndefined()
  })
})

test.each([
  ['the core has no api', 'createAuthClient({ tabs: false }).api', /Property 'api' does not exist/],
  ['nor a default for "tabs"', 'createAuthClient({ restore: "manual" })', /CoreOptions/],
  [
    'which must be said where "server" may be false',
    'createAuthClient({ server: !0 as boolean })',
    /CoreOptions/,
  ],
  ['a text is no feature', 'createAuthClient({ tabs: "share" })', /'string' is not assignable/],
  ['nor is the feature of another option', 'createAuthClient({ tabs: idleTimeout(1) })', /not assignable/],
])('P2 a mistake in the app is seen: %s', async (_, code, message) => {
  const wrong = `import { createAuthClient, idleTimeout } from 'silent-refresh/core'\nvoid idleTimeout\n${code}`
  const { options } = consumers['moduleResolution bundler']!
  expect(compile(compilers[1]!, await write({ files: { 'app.ts': wrong }, options }))).toEqual([
    expect.stringMatching(message),
  ])
})
