import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { build } from 'esbuild'
import { bench } from './build.ts'
import { measureApart, median, type Section, table } from './section.ts'
import type { Started } from './start/measure.ts'

const candidates: [name: string, title: string][] = [
  ['ours', '**silent-refresh/core**'],
  ['ours-api', '**silent-refresh**'],
  ['oauth2-client', '@badgateway/oauth2-client'],
  ['ky-by-hand', 'ky + jwt-decode, refreshed by hand'],
  ['alova', 'alova, token authentication'],
  ['oidc-client-ts', 'oidc-client-ts'],
  ['axios-auth-refresh', 'axios + axios-auth-refresh'],
  ['supabase', '@supabase/auth-js'],
]
const ROUNDS = 11

/** Each minified script evaluated, and a client created, in a fresh process; the rounds take turns. */
export async function start(): Promise<Section> {
  const folder = await mkdtemp(join(bench, 'dist/bundle-'))
  const runs = new Map<string, Started[]>(candidates.map(([name]) => [name, []]))
  try {
    for (const [name] of candidates) await writeFile(join(folder, `${name}.js`), await script(name))
    for (let round = 0; round < ROUNDS; round++) {
      for (const [name, list] of runs) {
        list.push(await measureApart<Started>('start/measure.ts', [join(folder, `${name}.js`)]))
      }
    }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
  const rows = candidates.map(([name, title]) => {
    const list = runs.get(name)!
    return [title, ...(['evaluated', 'created'] as const).map(part => median(list.map(run => run[part])))]
  })
  return {
    tables: {
      start: table(['', 'script evaluated, µs', 'client created, µs'], rows as (string | number)[][]),
    },
    misses: [],
  }
}

async function script(name: string): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [join(bench, `peers/${name}.js`)],
    bundle: true,
    minify: true,
    format: 'iife',
    globalName: 'candidate',
    target: 'es2022',
    platform: 'browser',
    write: false,
    logLevel: 'error',
  })
  return outputFiles[0]!.text
}
