import { mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { brotliCompressSync, constants } from 'node:zlib'
import { build } from 'esbuild'
import { bundle, bundlerNames } from '../tools/bundlers.ts'
import { installPacked } from '../tools/package.ts'
import { run } from '../tools/steps.ts'
import { bench } from './build.ts'
import { type Section, table } from './section.ts'

const ours: Record<string, string> = {
  '**silent-refresh/core**': `export { createAuthClient, shareTabs } from '../../src/core.ts'`,
  '**silent-refresh**': `export { createAuthClient } from '../../src/index.ts'`,
}

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

/** Bytes with brotli; the tighter one of core is what the project wants, the other what it must not pass. */
const bars: Record<string, number> = { '**silent-refresh/core**': 5_120, '**silent-refresh**': 12_500 }

export async function sizes(): Promise<Section> {
  const rows: [string, number, number][] = []
  const misses: string[] = []
  for (const [title, code] of Object.entries({ ...ours, ...peers })) {
    const text = await minified(code)
    rows.push([title, text.length, compressed(text)])
    const bar = bars[title]
    if (bar && compressed(text) > bar) misses.push(`sizes, ${title}: ${compressed(text)} B, bar ${bar}`)
  }
  return {
    tables: {
      sizes: table(
        ['', 'min, B', 'min + brotli, B'],
        rows.toSorted((a, b) => a[2] - b[2]),
      ),
      'sizes-parts': table(['file', 'min, B', 'min + brotli, B'], await parts()),
      'sizes-bundlers': table(['min + brotli, B', ...bundlerNames], await byBundler()),
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

/** What the bytes of core are. */
async function parts(): Promise<(string | number)[][]> {
  const result = await build({
    ...options,
    stdin: { contents: ours['**silent-refresh/core**']!, resolveDir: bench },
    metafile: true,
  })
  const [output] = Object.values(result.metafile.outputs)
  const whole = result.outputFiles[0]!.text
  const share = compressed(whole) / whole.length
  return Object.entries(output!.inputs)
    .map(([file, { bytesInOutput }]): [string, number, number] => [
      `\`${file.replace(/^(\.\.\/)*(?=src|node_modules)/, '')}\``,
      bytesInOutput,
      Math.round(bytesInOutput * share),
    ])
    .filter(([, bytes]) => bytes > 0)
    .sort((a, b) => b[1] - a[1])
}

/** The packed package in an app of each bundler; `npm run check` measures the first of them. */
async function byBundler(): Promise<(string | number)[][]> {
  if (!run('tsup', ['--silent'])) throw new Error('the build failed')
  const app = await mkdtemp(join(bench, 'dist/app-'))
  try {
    installPacked(app)
    const rows: (string | number)[][] = []
    for (const entry of ['silent-refresh/core', 'silent-refresh']) {
      const sizes: number[] = []
      for (const name of bundlerNames) {
        sizes.push(
          compressed(await bundle(name, app, `export { createAuthClient, shareTabs } from '${entry}'`)),
        )
      }
      rows.push([`**${entry}**`, ...sizes])
    }
    return rows
  } finally {
    await rm(app, { recursive: true, force: true })
  }
}

function compressed(text: string): number {
  return brotliCompressSync(text, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } }).length
}
