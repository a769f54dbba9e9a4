import { resolve } from 'node:path'
import { compile } from 'svelte/compiler'
import { configDefaults, defineConfig, type ViteUserConfigExport } from 'vitest/config'
import { BaseSequencer, type TestSpecification } from 'vitest/node'
import { docBlocks } from './bindings/doc-blocks.ts'

const root = resolve(import.meta.dirname, '..')

/** Seconds that a file of browser tests takes, idle. The longest begin, so that both workers end together. */
const SECONDS: Record<string, number> = {
  tabs: 150,
  'main-job': 95,
  modes: 70,
  soak: 95,
  'demo-break': 70,
  'demo-page': 60,
  'demo-craft': 30,
  'oauth-session': 60,
  'docs-site': 60,
  dpop: 55,
  'oauth-redirect': 45,
  'oauth-popup': 40,
  bundles: 35,
  'demo-static': 45,
  devtools: 80,
  'devtools-report': 30,
  pages: 40,
}

class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const seconds = ({ moduleId }: TestSpecification) =>
      SECONDS[/\/browser\/(.*)\.test\.ts$/.exec(moduleId)?.[1] ?? ''] ?? 0
    return (await super.sort(files)).sort((a, b) => seconds(b) - seconds(a))
  }
}

const config: ViteUserConfigExport = defineConfig({
  root,
  resolve: {
    alias: [
      { find: /^silent-refresh$/, replacement: resolve(root, 'src/index.ts') },
      {
        find: /^silent-refresh\/(devtools|dpop|oauth|testing|testing\/contract)$/,
        replacement: resolve(root, 'src/$1/index.ts'),
      },
      {
        find: /^silent-refresh\/(core|testing\/core|devtools\/(?:react|vue))$/,
        replacement: resolve(root, 'src/$1.ts'),
      },
      {
        find: /^silent-refresh\/(react|vue|svelte|solid|angular)$/,
        replacement: resolve(root, 'src/bindings/$1.ts'),
      },
    ],
  },
  test: {
    retry: 0,
    // All cores: by default one is left to whoever works beside.
    maxWorkers: '100%',
    sequence: { sequencer: LongestFirst },
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: ['test/**/*.test.ts'],
          exclude: [...configDefaults.exclude, 'test/browser/**', 'test/bindings/**'],
          setupFiles: ['test/support/seed.ts'],
          // Properties run thousands of virtual hours: a busy machine takes its time, and no rule depends on it.
          // `npm run explore` asks for many more runs of each property.
          testTimeout: process.env.PATIENT ? 3_600_000 : 60_000,
        },
      },
      {
        extends: true,
        // The frameworks as a page gets them: Node's own conditions lead to what renders on a server.
        resolve: { conditions: ['browser', 'development', 'module', 'import', 'default'] },
        test: {
          name: 'bindings',
          include: ['test/bindings/**/*.test.ts'],
          // Compilers and servers' renders are processes of their own.
          testTimeout: 60_000,
          server: { deps: { inline: [/\/(solid-js|svelte|esm-env)\//] } },
        },
        plugins: [
          docBlocks(),
          {
            name: 'svelte',
            transform: (code, filename) =>
              filename.endsWith('.svelte') ? compile(code, { filename, generate: 'client' }).js : null,
          },
        ],
      },
      {
        extends: true,
        test: {
          name: 'browser',
          include: ['test/browser/**/*.test.ts'],
          testTimeout: 60_000,
          // Apps are packed, installed and built before some of them.
          hookTimeout: 180_000,
          // Not beside the unit tests, which want the cores. Browsers wait, for tokens to end and timers to ring, and are
          // slow where they have to wait for a core as well: two at a time, for a machine with two.
          maxWorkers: 2,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
})

export default config
