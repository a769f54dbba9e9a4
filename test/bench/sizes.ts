import { mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { build } from 'esbuild'
import { bundle, bundlerNames } from '../tools/bundlers.ts'
import { bundleOf, MAIN, PLAIN, SHARED } from '../tools/compositions.ts'
import { installPacked } from '../tools/package.ts'
import { compressed, kB, measureSizes, sizeTables } from '../tools/sizes.ts'
import { run } from '../tools/steps.ts'
import { bench } from './build.ts'
import { type Section, table } from './section.ts'

/** Beside the peers. The bytes are what the project wants of the one, and must not exceed in the other. */
const ours = [
  { composition: PLAIN, bar: undefined },
  { composition: SHARED, bar: 5_120 },
  { composition: MAIN, bar: 12_500 },
]

/** Each as its app would import it. */
const peers: Record<string, string> = {
  '@badgateway/oauth2-client': `export { OAuth2Client, OAuth2Fetch } from '@badgateway/oauth2-client'`,
  'ofetch (refreshes nothing)': `export { ofetch } from 'ofetch'`,
  'ky (refreshes nothing)': `export { default } from 'ky'`,
  'keycloak-js': `export { default } from 'keycloak-js'`,
  'ky + jwt-decode, refreshed by hand': `export { create } from './peers/ky-by-hand.js'`,
  'better-auth, client': `export { createAuthClient } from 'better-auth/client'`,
  'alova, token authentication': `export { createAlova } from 'alova'
    export { createServerTokenAuthentication } from 'alova/client'
    export { default } from 'alova/fetch'`,
  'oidc-client-ts': `export { UserManager } from 'oidc-client-ts'`,
  'supertokens-website': `export { default } from 'supertokens-website'`,
  'axios + axios-auth-refresh': `export { default } from 'axios'
    export { createAuthRefresh } from 'axios-auth-refresh'`,
  '@supabase/auth-js': `export { AuthClient } from '@supabase/auth-js'`,
  '@auth0/auth0-spa-js': `export { createAuth0Client } from '@auth0/auth0-spa-js'`,
}

export async function sizes(): Promise<Section> {
  if (!run('tsup', ['--silent'])) throw new Error('the build failed')
  const measured = measureSizes()
  const rows: [title: string, minified: number, size: number][] = []
  const misses: string[] = []
  for (const { composition, bar } of ours) {
    const { minified, size } = measured.find(one => one.composition === composition)!
    rows.push([`**${composition.name}**`, minified, size])
    if (bar && size > bar) misses.push(`sizes, ${composition.name}: ${size} B, bar ${bar} B`)
  }
  for (const [title, code] of Object.entries(peers)) {
    const text = await minified(code)
    rows.push([title, text.length, compressed(text)])
  }
  const sorted = rows.toSorted((a, b) => a[2] - b[2])
  return {
    tables: {
      ...sizeTables(measured),
      sizes: table(
        ['', 'min, kB', 'min + brotli, kB'],
        sorted.map(([title, ...bytes]) => [title, ...bytes.map(kB)]),
      ),
      'sizes-parts': table(['file', 'min, kB', 'min + brotli, kB'], await parts()),
      'sizes-bundlers': table(['min + brotli, kB', ...bundlerNames], await byBundler()),
    },
    misses,
  }
}

const options = {
  bundle: true,
  minify: true,
  format: 'esm',
  target: 'es2022',
  platform: 'browser',
  legalComments: 'none',
  write: false,
  logLevel: 'error',
  define: { 'process.env.NODE_ENV': '"production"' },
} as const

async function minified(contents: string): Promise<string> {
  const { outputFiles } = await build({ ...options, stdin: { contents, resolveDir: bench } })
  return outputFiles[0]!.text
}

/** What the bytes of core are, in files; those that round to less than this are told together. */
const LEAST = 250

async function parts(): Promise<string[][]> {
  const result = await bundleOf(SHARED, 'src')
  const [output] = Object.values(result.metafile.outputs)
  const whole = result.outputFiles[0]!.text
  const share = compressed(whole) / whole.length
  const files = Object.entries(output!.inputs)
    .map(([file, { bytesInOutput }]): [string, number] => [`\`${file}\``, bytesInOutput])
    .filter(([file, bytes]) => bytes > 0 && file !== '`<stdin>`')
    .sort((a, b) => b[1] - a[1])
  const small = files.filter(([, bytes]) => bytes * share < LEAST)
  const together = small.reduce((sum, [, bytes]) => sum + bytes, 0)
  return [
    ...files.slice(0, files.length - small.length),
    [`${small.length} smaller files together`, together] as const,
  ].map(([file, bytes]) => [file, kB(bytes), kB(bytes * share)])
}

/** The packed package in an app of each bundler; `npm run check` measures the first of them. */
async function byBundler(): Promise<string[][]> {
  const app = await mkdtemp(join(bench, 'dist/app-'))
  try {
    installPacked(app)
    const rows: string[][] = []
    for (const { name, code } of [SHARED, MAIN]) {
      const sizes: string[] = []
      for (const bundler of bundlerNames) sizes.push(kB(compressed(await bundle(bundler, app, code))))
      rows.push([`**${name}**`, ...sizes])
    }
    return rows
  } finally {
    await rm(app, { recursive: true, force: true })
  }
}
