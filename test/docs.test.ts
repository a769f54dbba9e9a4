// @vitest-environment node
import { spawnSync } from 'node:child_process'
import { existsSync, globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, relative, resolve } from 'node:path'
import { transformSync } from 'esbuild'
import { compile } from 'svelte/compiler'
import { describe, expect, test } from 'vitest'
import { compileScript, compileTemplate, parse } from 'vue/compiler-sfc'
import { slugOf } from '../docs/.vitepress/slug.ts'
import { comparisonTables } from './bench/comparison.ts'
import { cellsOf } from './bench/section.ts'
import { type Block, readPage } from './recipes/blocks.ts'
import { pagesWithBlocks, withBlocks } from './tools/blocks.ts'
import { entries } from './tools/package.ts'
import { placeIn } from './tools/places.ts'
import { cache, root } from './tools/report.ts'
import { output, tsc } from './tools/steps.ts'

const pages = globSync(
  ['*.md', 'docs/**/*.md', 'demo/*.md', 'demo/apps/*.md', 'demo/apps/*/README.md', '.github/**/*.md'],
  { cwd: root, exclude: ['docs/reference/**'] },
).sort()
const blocks = pages.flatMap(readPage)
const text = (page: string) => readFileSync(resolve(root, page), 'utf8')
const named = (block: Block) => ({ name: `${block.page}:${block.line}`, block })
const of = (...languages: string[]) =>
  blocks.filter(({ language, excuse }) => languages.includes(language) && !excuse).map(named)

/** Each language that a test below takes, or test/diagrams.test.ts for `mermaid`. */
const TAKEN = ['ts', 'tsx', 'vue', 'svelte', 'js', 'json', 'sh', 'http', 'html', 'text', 'mermaid']

/** Of Vite's, what our clients need. */
const HOT = 'interface ImportMeta { hot?: { data: Record<string, any> } }'

/** What a page's blocks import and do not show. */
const GIVEN: Record<string, Record<string, string>> = {
  'docs/frameworks.md': {
    'foreign.d.ts': `
      declare module 'next/navigation' { export function useRouter(): { replace(to: string): void } }
    `,
    'pages.ts': 'export declare const Items: () => null, Login: () => null',
  },
  'docs/frameworks/react.md': {
    'auth.ts': "export * from '../docs-frameworks-md/auth'",
    'pages.ts': 'export declare const Items: () => null',
  },
  'docs/frameworks/react-router.md': {
    'auth.ts': "export * from '../docs-frameworks-md/auth'",
    'app/auth.ts': "export * from '../auth'\nexport declare const wanted: string",
    'pages.ts': 'export declare const Items: () => null, Login: () => null',
    'return-to.ts': "export * from '../docs-frameworks-md/return-to'",
  },
  'docs/frameworks/next.md': {
    'app/guards.ts':
      "import type { ReactNode } from 'react'\nexport declare function SignedInOnly(props: { children: ReactNode }): ReactNode",
  },
  'docs/frameworks/solid.md': {
    'hot.d.ts': HOT,
  },
  'docs/frameworks/svelte.md': {
    'hot.d.ts': HOT,
  },
  'docs/frameworks/angular.md': {
    'auth.ts': "export * from '../docs-frameworks-md/auth'",
    'pages.ts': 'export declare class Items {}',
  },
  'docs/frameworks/vue.md': {
    'foreign.d.ts': `
      interface ImportMeta { readonly hot?: { readonly data: Record<string, any> } }
      declare module '@vitejs/plugin-vue' { export default function vue(): import('vite').Plugin }
    `,
    'pages.ts': 'export declare const Items: () => null',
    'return-to.ts': "export * from '../docs-frameworks-md/return-to'",
  },
  'docs/frameworks/sveltekit.md': {
    'src/lib/auth.ts': "export * from '../../../docs-frameworks-md/auth'",
    'src/lib/return-to.ts': "export * from '../../../docs-frameworks-md/return-to'",
  },
  'docs/devtools.md': {
    'foreign.d.ts': 'interface ImportMeta { env: { DEV: boolean } }',
  },
  'docs/oauth.md': {
    'src/router.ts': 'export declare const router: { replace(address: string): void }',
  },
  'docs/tasks.md': {
    'foreign.d.ts': readFileSync(resolve(root, 'test/recipes/foreign.d.ts'), 'utf8'),
  },
  'docs/clients.md': {
    'in-session.ts': 'export declare const inSession: (own?: AbortSignal) => AbortSignal',
    'server.ts':
      "import { initTRPC } from '@trpc/server'\nconst router = initTRPC.create().router({})\nexport type AppRouter = typeof router",
  },
}

describe('P5 every block of every page', () => {
  test('P5 is taken by a test, or says why not', () => {
    const untaken = blocks.filter(({ language, excuse }) => !TAKEN.includes(language) && excuse.length < 10)
    expect(
      untaken.map(({ page, line, language }) => `${page}:${line} ${language || '(no language)'}`),
    ).toEqual([])
    expect(pages).toEqual(expect.arrayContaining(['README.md', 'docs/guide.md', 'docs/security.md']))
    for (const language of ['ts', 'tsx', 'vue', 'svelte', 'json', 'sh', 'http', 'html', 'text']) {
      expect(of(language), language).not.toEqual([])
    }
  })

  test('P5 compiles, where it is TypeScript', () => {
    expect(output('node', [tsc, '-p', writeProject()])).toBe('')
  }, 300_000)

  test.each(of('svelte'))('P5 $name is a Svelte component', ({ block }) => {
    expect(compile(block.code, { filename: block.file, runes: true }).warnings).toEqual([])
  })

  test.each(of('vue'))('P5 $name is a Vue component', ({ block: { code, file } }) => {
    const { descriptor, errors } = parse(code, { filename: file })
    const { bindings } = compileScript(descriptor, { id: file })
    const template = compileTemplate({
      id: file,
      filename: file,
      source: descriptor.template!.content,
      ...(bindings && { compilerOptions: { bindingMetadata: bindings } }),
    })
    expect([...errors, ...template.errors]).toEqual([])
  })

  test.each(of('js'))('P5 $name is JavaScript', ({ block }) => {
    expect(transformSync(block.code, { loader: 'js', format: 'esm' }).warnings).toEqual([])
  })

  test.each(of('json'))('P5 $name is JSON', ({ block }) => {
    expect(JSON.parse(block.code)).toBeTypeOf('object')
  })

  test.each(of('html'))('P5 $name has scripts and import maps that can be read', ({ block }) => {
    const scripts = [...block.code.matchAll(/<script([^>]*)>(.*?)<\/script>/gs)]
    expect(scripts).not.toEqual([])
    for (const [, attributes = '', code = ''] of scripts) {
      if (attributes.includes('importmap')) expect(JSON.parse(code)).toHaveProperty('imports')
      else expect(transformSync(code, { loader: 'js', format: 'esm' }).warnings).toEqual([])
    }
  })

  test.each(of('http'))('P5 $name is a message of HTTP', ({ block }) => {
    const [head = '', ...rest] = block.code.split('\n\n')
    const [first = '', ...headers] = head.trimEnd().split('\n')
    const isAnswer = first.startsWith('HTTP/')
    if (isAnswer || first.includes(' HTTP/')) {
      expect(first).toMatch(/^(HTTP\/1\.1 \d{3} [A-Z][\w ]+|[A-Z]+ \/\S* HTTP\/1\.1)$/)
    }
    for (const line of headers) expect(line).toMatch(/^[A-Z][\w-]*: \S.*$/)
    const body = rest.join('\n\n').trim()
    if (body) expect(JSON.parse(body.replaceAll('…', ''))).toBeTypeOf('object')
  })

  test.each(of('sh'))('P5 $name are commands that exist', ({ block: { code } }) => {
    const { status, stderr } = spawnSync('bash', ['-n'], { input: code, encoding: 'utf8' })
    expect(stderr).toBe('')
    expect(status).toBe(0)
    const { scripts } = JSON.parse(text('package.json'))
    // `npm run dev` and `npm run build` are those of the reader's own app.
    const foreign = code.includes('npm create') ? ['dev', 'build'] : []
    for (const [, script = ''] of code.matchAll(/\bnpm run ([\w:-]+)/g)) {
      expect([...Object.keys(scripts), ...foreign]).toContain(script)
    }
    for (const [, file = ''] of code.matchAll(/\bnode ((?:test|demo|src)\/\S+)/g)) {
      expect(existsSync(resolve(root, file)), file).toBe(true)
    }
  })

  test.each(of('text'))('P5 $name is what a command or the logger prints', ({ block: { code } }) => {
    if (code.startsWith('silent-refresh: ')) {
      const sentences = text('src/logging.ts')
      for (const line of code.trimEnd().split('\n')) {
        const [, start = line] = /^silent-refresh: (\w+(?: [a-z]+)?)\b/.exec(line) ?? []
        expect(sentences).toContain(start)
      }
      return
    }
    const [, file = ''] = /^node (\S+\.ts)/.exec(code) ?? []
    expect(file, 'the usage of a command, or what the logger prints').not.toBe('')
    const help = output(resolve(root, 'node_modules/.bin/node'), [resolve(root, file), '--help'])
    for (const [flag] of code.matchAll(/--[\w-]+/g)) expect(help).toContain(`${flag} `)
  })
})

test.each(pagesWithBlocks())(
  'P5 %s shows the files of the apps as they are: node test/tools/blocks.ts --write',
  page => {
    expect(withBlocks(text(page))).toBe(text(page))
  },
)

test('P5 every link between the pages leads somewhere', () => {
  const broken = pages.flatMap(page => {
    const own = text(page).replace(/^\s*```.*?^\s*```$/gms, '')
    return [...own.matchAll(/\[[^\]]*\]\(([^)\s]+)\)/g)].flatMap(([, target = '']) => {
      // `../../security` and its like are pages that the repository's host has beside the files.
      if (/^(https?|mailto):|^\.\.\/\.\.\/(security|issues|releases|discussions)\b/.test(target)) return []
      const [path = '', anchor] = target.split('#')
      const file = resolve(root, dirname(page), path)
      const at = path ? file : resolve(root, page)
      const leads = existsSync(at) && (!anchor || anchors(readFileSync(at, 'utf8')).has(anchor))
      return leads ? [] : [`${page} → ${target}`]
    })
  })
  expect(broken).toEqual([])
})

test('P5 every event that the troubleshooting names is one of the logger or of the client', () => {
  const types = text('src/types.ts')
  const [, table = ''] = /\| event \| meaning \|(.*?)\n\n/s.exec(text('docs/troubleshooting.md')) ?? []
  const events = [...table.matchAll(/`([a-z-]+)`/g)].map(([, event]) => event)
  expect(events.length).toBeGreaterThan(5)
  for (const event of events) {
    expect(new RegExp(`type: '${event}'|: '${event}'|\\| '${event}'`).test(types), event).toBe(true)
  }
})

test('P5 every code of an error is in docs/errors.md, and no other', () => {
  const codes = [...text('src/kernel/errors.ts').matchAll(/^ {2}\| '(\w+)'/gm)].map(([, code]) => code)
  const [, table = ''] = /\| code \| when \|(.*?)\n\n/s.exec(text('docs/errors.md')) ?? []
  const shown = [...table.matchAll(/^\| (`.*?`) \|/gm)].flatMap(([, cell = '']) => cell.match(/\w+/g))
  expect(shown.sort()).toEqual(codes.sort())
})

test('P5 every option is in docs/options.md, with a default and an example, and no other', () => {
  const [, declared = ''] = /^const OPTION_RULES.*?= \{\n(.*?)^\}/ms.exec(text('src/kernel/options.ts')) ?? []
  const [, endpoints = ''] =
    /^const ENDPOINT_RULES.*?= \{\n(.*?)^\}/ms.exec(text('src/kernel/options.ts')) ?? []
  const namesOf = (rules: string) => [...rules.matchAll(/^ {2}(\w+):/gm)].map(([, name = '']) => name)
  const options = namesOf(declared).filter(name => name !== 'endpoints')
  const rows = [...text('docs/options.md').matchAll(/^\| `([\w.]+)` \|.*/gm)]
  expect(rows.map(([, name]) => name).sort()).toEqual(
    [...options, ...namesOf(endpoints).map(name => `endpoints.${name}`)].sort(),
  )
  for (const [row] of rows) for (const cell of cellsOf(row)) expect(cell, row).not.toBe('')
})

test('P5 every member of the client is in docs/api.md, and no other', () => {
  const [, declared = ''] = /^export interface AuthClient<.*?\{\n(.*?)^\}/ms.exec(text('src/types.ts')) ?? []
  const members = [...declared.matchAll(/^ {2}(?:readonly )?(\w+)[(<:]/gm)].map(([, name]) => name)
  const [, table = ''] = /\| member \| what it does \|(.*?)\n\n/s.exec(text('docs/api.md')) ?? []
  const shown = [...table.matchAll(/^\| `(\w+)/gm)].map(([, name]) => name)
  expect(shown.filter(name => name !== 'api').sort()).toEqual(members.sort())
  expect(shown).toContain('api')
})

test('P5 all that the client stores is in the table of docs/storage.md, and nothing else', () => {
  const sources = globSync('src/**/*.ts', { cwd: root }).map(text).join('\n')
  const notes = [...sources.matchAll(/createNote\(kernel, '([\w-]+)'/g)].map(([, name = '']) => name)
  const others = [...sources.matchAll(/['`]silent-refresh:([\w-]+):/g)].map(([, name = '']) => name)
  expect(others).toEqual(expect.arrayContaining(['token', 'oauth']))
  const shown = [...text('docs/storage.md').matchAll(/^\| .*\|$/gm)].flatMap(([row]) =>
    [...row.matchAll(/`silent-refresh:([\w-]+):…`/g)].map(([, name = '']) => name),
  )
  expect(shown.sort()).toEqual([...new Set([...notes, ...others])].sort())
})

test('P5 every event of the client is in docs/guide.md, and no other', () => {
  const [, declared = ''] =
    /^export interface AuthEventMap<.*?\{\n(.*?)^\}/ms.exec(text('src/types.ts')) ?? []
  const events = [...declared.matchAll(/^ {2}(\w+): /gm)].map(([, name]) => name)
  const [, table = ''] = /\| event \| detail \|(.*?)\n\n/s.exec(text('docs/guide.md')) ?? []
  const shown = [...table.matchAll(/^\| `(\w+)`/gm)].map(([, name]) => name)
  expect(shown.sort()).toEqual(events.sort())
})

test('P5 every entry of the package is in docs/api.md, and no other', () => {
  const [, table = ''] = /\| entry \| what is in it \|(.*?)\n\n/s.exec(text('docs/api.md')) ?? []
  const shown = table
    .split('\n')
    .flatMap(row =>
      [...(cellsOf(row)[0] ?? '').matchAll(/`([\w/-]+)`/g)].map(([, name = '']) =>
        name.replace(/^\//, 'silent-refresh/'),
      ),
    )
  expect(shown.sort()).toEqual([...entries].sort())
})

describe('P5 docs/architecture.md', () => {
  const page = text('docs/architecture.md')
  const diagrams = blocks.filter(block => block.page === 'docs/architecture.md')
  const prose = page.replace(/^```.*?^```$/gms, '')
  const sources = new Map(
    globSync('src/**/*.ts', { cwd: root }).map(path => [path, readFileSync(resolve(root, path), 'utf8')]),
  )
  const all = [...sources.values()].join('\n')
  const isInSource = (name: string) => new RegExp(`(?<!\\w)${escaped(name)}(?!\\w)`).test(all)
  const rowsOf = (head: string) => {
    const [, rows = ''] = prose.split(`| ${head} |`)[1]?.match(/^[^\n]*\n\|[ -|]*\n(.*?)\n\n/s) ?? []
    return rows.split('\n').map(cellsOf)
  }

  const isPath = (span: string) => /^(src|test|demo)\//.test(span)
  const spansOf = (markdown: string) => [...markdown.matchAll(/`([^`]+)`/g)].map(([, span = '']) => span)

  test('P5 and CONTRIBUTING.md name only paths that exist', () => {
    const paths = spansOf(prose + text('CONTRIBUTING.md').replace(/^```.*?^```$/gms, '')).filter(isPath)
    expect(paths.filter(path => !path.includes('*') && !existsSync(resolve(root, path)))).toEqual([])
    expect(paths.length).toBeGreaterThan(10)
  })

  test('P5 names only commands and code that exist', () => {
    const spans = spansOf(prose)
    const missing = spans.filter(span => {
      if (isPath(span)) return false
      const [, script] = /^npm run (\S+)$/.exec(span) ?? []
      return script ? !(script in JSON.parse(text('package.json')).scripts) : !isInSource(span)
    })
    expect(missing).toEqual([])
    expect(spans.length).toBeGreaterThan(50)
  })

  test('P5 links a file by its own name', () => {
    const links = [...prose.matchAll(/\[([\w-]+\.ts)\]\(([^)]+)\)/g)]
    expect(links.filter(([, name, target]) => name !== target!.split('/').at(-1))).toEqual([])
    expect(links.length).toBeGreaterThan(30)
  })

  test('P5 names in its diagrams only functions and error codes that exist', () => {
    expect(diagrams.map(({ language }) => language)).toEqual(['mermaid', 'mermaid'])
    const code = diagrams.map(block => block.code).join('')
    const names = [...code.matchAll(/\b(\w+)\(|\b(\w+_\w+)\b/g)].map(([, called, error]) => called ?? error!)
    expect(names.filter(name => !isInSource(name))).toEqual([])
    expect(names.length).toBeGreaterThan(10)
  })

  test('P5 says for each function where it is', () => {
    const places = [...prose.matchAll(/\]\(\.\.\/(src\/[^)]+\.ts)\) `(\w+)`/g)]
    expect(places.length).toBeGreaterThan(10)
    expect(
      places.filter(([, path = '', name]) => !RegExp(`\\b${name}\\b`).test(sources.get(path) ?? '')),
    ).toEqual([])
  })

  test('P5 defines words that the file beside each of them uses', () => {
    const rows = rowsOf('word | meaning | defined in')
    expect(rows.length).toBeGreaterThan(20)
    const unused = rows.filter(([word = '', , place = '']) => {
      const [, name = ''] = /^\*\*([\w ]+)\*\*/.exec(word) ?? []
      const [, code = name] = /`(\w+)`/.exec(word) ?? []
      const [, path = ''] = /\(\.\.\/([^)]+)\)/.exec(place) ?? []
      return !name || !RegExp(code, 'i').test(sources.get(path) ?? '')
    })
    expect(unused).toEqual([])
  })

  test('P5 says what each folder imports, no more and no less', () => {
    const rows = rowsOf('folder or file | contents | imports')
    const areaOf = (path: string) => path.split('/')[1]!.replace(/\.ts$/, '')
    const said = rows.map(([place = '', , imports = '']) => [
      areaOf(/\.\.\/([^)]+)\)/.exec(place)?.[1] ?? ''),
      [...imports.matchAll(/`(\w+)`/g)].map(([, area]) => area).sort(),
    ])
    const found = new Map<string, Set<string>>()
    for (const [path, code] of sources) {
      const imported = found.get(areaOf(path)) ?? new Set<string>()
      found.set(areaOf(path), imported)
      for (const [, specifier = ''] of code.matchAll(/(?:from|import\()\s*'(\.[^']+)'/g)) {
        const area = areaOf(relative(root, resolve(root, dirname(path), specifier)))
        if (area !== areaOf(path)) imported.add(area)
      }
    }
    expect(Object.fromEntries(said)).toEqual(
      Object.fromEntries([...found].map(([area, imported]) => [area, [...imported].sort()])),
    )
  })

  test('P5 is right that no feature imports another', () => {
    const featureOf = (path: string) => /^src\/features\/([^/.]+)/.exec(path)?.[1]
    const crossing = [...sources].flatMap(([path, code]) =>
      [...code.matchAll(/from\s+'(\.[^']+)'/g)]
        .map(([, specifier = '']) => relative(root, resolve(root, dirname(path), specifier)))
        .filter(other => featureOf(path) && featureOf(other) && featureOf(path) !== featureOf(other))
        .map(other => `${path} → ${other}`),
    )
    expect(crossing).toEqual([])
  })

  test('P5 gives the order in which the features hear of a change', () => {
    const [, order = ''] =
      /readonly parts: readonly Part\[\] = \[\s*(.*?),?\s*\]/s.exec(sources.get('src/client.ts') ?? '') ?? []
    const [, shown = ''] = /^4\. these parts are notified: (.*)[.;]$/m.exec(prose) ?? []
    expect(shown.replaceAll('`', '')).toBe(order.replaceAll('this.', '').replace(/\s+/g, ' '))
    expect(order).toContain('this.tabs')
  })
})

const escaped = (value: string) => value.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')

test('P5 the figures of the comparison are those that were measured', () => {
  const performance = text('docs/performance.md')
  const comparison = text('docs/comparison.md')
  for (const [place, shown] of Object.entries(comparisonTables(performance))) {
    expect(placeIn(comparison, place), place).toBe(shown)
    expect(shown, place).toMatch(/✓/)
    expect(shown, place).not.toContain('?')
  }
  const table = (name: string) => (placeIn(performance, name) ?? '').split('\n').map(cellsOf)
  const ours = table('sizes').filter(([name]) => name?.startsWith('**silent-refresh'))
  expect(ours).toHaveLength(3)
  const compositions = table('sizes-compositions')
  for (const [name = '', ...sizes] of ours) {
    const label = name.replaceAll('**', '`')
    expect(sizes, name).toEqual(compositions.find(([first]) => first === label)?.slice(1, 3))
  }
})

test('P5 a figure that was measured anew changes the comparison', () => {
  const performance = text('docs/performance.md')
  const before = comparisonTables(performance)
  const worse = performance.replace(/(bench:calls-late -->.*?\*\*silent-refresh\/core\*\* +\| +)1 /s, '$12 ')
  expect(worse).not.toBe(performance)
  const after = comparisonTables(worse)['comparison-calls']!
  expect(before['comparison-calls']).toMatch(/\| \*\*silent-refresh\/core\*\* .*\| ✓ +\| ✓ +\| ✓ +\|/)
  expect(after).toMatch(/\| \*\*silent-refresh\/core\*\* .*\| ✗ 2 refreshes /)
  expect(() => comparisonTables(performance.replaceAll('bench:tabs', 'bench:gone'))).toThrow('tabs')
})

test('P5 the ids that the promises give as proof are scenarios', () => {
  const [, proofs = ''] = /\| promise \| proved by \|(.*?)\n\n/s.exec(text('docs/promises.md')) ?? []
  const ids = [...proofs.matchAll(/\b[A-Z]\d+\b/g)].map(([id]) => id)
  expect(ids.length).toBeGreaterThan(10)
  for (const id of ids) expect(text('test/scenarios.md')).toMatch(new RegExp(`^- ${id} `, 'm'))
})

/** As the pages' host names them. */
function anchors(page: string): Set<string> {
  const headings = page.replace(/^\s*```.*?^\s*```$/gms, '').matchAll(/^#+ (.*)$/gm)
  const seen = new Map<string, number>()
  return new Set(
    [...headings].map(([, heading = '']) => {
      const slug = slugOf(heading.replace(/\[([^\]]*)\]\([^)]*\)/g, '$1'))
      const count = seen.get(slug) ?? 0
      seen.set(slug, count + 1)
      return count === 0 ? slug : `${slug}-${count}`
    }),
  )
}

/** One folder for each page, in which its files find each other; one run of the compiler for all of them. */
function writeProject(): string {
  const folder = resolve(cache, 'docs')
  rmSync(folder, { recursive: true, force: true })
  const write = (path: string, code: string) => {
    mkdirSync(dirname(resolve(folder, path)), { recursive: true })
    writeFileSync(resolve(folder, path), code)
  }
  const homeOf = (page: string) => page.replace(/\W+/g, '-').toLowerCase()
  const taken = new Set<string>()
  for (const [page, files] of Object.entries(GIVEN)) {
    for (const [file, code] of Object.entries(files)) {
      write(`${homeOf(page)}/${file}`, code)
      taken.add(`${homeOf(page)}/${file}`)
    }
  }
  for (const { block } of of('ts', 'tsx', 'vue')) {
    const { page, line, language, file, code } = block
    const home = homeOf(page)
    const name = file || `line-${line}.${language}`
    // A second version of a file lives apart, with a client of its own.
    const place = taken.has(`${home}/${name}`) ? `${home}/line-${line}` : home
    taken.add(`${place}/${name}`)
    const script = language === 'vue' ? (parse(code).descriptor.scriptSetup?.content ?? '') : code
    write(`${place}/${name}${language === 'vue' ? '.script.ts' : ''}`, `${script}\nexport {}\n`)
    // What the app has made before, as the blocks import it.
    const auth = `${place}/${/^src\//.test(name) ? 'src/' : ''}auth.ts`
    if (!taken.has(auth) && !of('ts').some(({ block: one }) => one.page === page && one.file === 'auth.ts')) {
      const client = "import { createAuthClient } from 'silent-refresh'\n"
      write(auth, `${client}export const auth = createAuthClient<any, any>()\n`)
    }
  }
  write(
    'modules.d.ts',
    "declare module '*.vue' { const component: import('vue').Component; export default component }\n" +
      "declare module '*.svelte' { const component: import('svelte').Component; export default component }\n",
  )
  const compilerOptions = {
    // What a page has, and no more.
    types: [],
    // As strict as an app is unless it asks for more; the recipes are also compiled with all of it.
    exactOptionalPropertyTypes: false,
    noImplicitReturns: false,
    jsx: 'react-jsx',
    lib: ['es2023', 'dom', 'dom.iterable', 'esnext.disposable'],
    experimentalDecorators: true,
    isolatedDeclarations: false,
    noUnusedLocals: false,
    declaration: false,
    paths: {
      'silent-refresh': [resolve(root, 'src/index.ts')],
      'silent-refresh/core': [resolve(root, 'src/core.ts')],
      'silent-refresh/testing': [resolve(root, 'src/testing/index.ts')],
      'silent-refresh/testing/core': [resolve(root, 'src/testing/core.ts')],
      // Its source needs the types of Node, and an app need not have them.
      'silent-refresh/testing/contract': [resolve(root, 'dist/testing/contract/index.d.ts')],
      'silent-refresh/oauth': [resolve(root, 'src/oauth/index.ts')],
      'silent-refresh/dpop': [resolve(root, 'src/dpop/index.ts')],
      'silent-refresh/*': [resolve(root, 'src/bindings/*.ts')],
    },
  }
  const project = {
    extends: resolve(root, 'tsconfig.json'),
    compilerOptions,
    include: ['**/*.ts', '**/*.tsx'],
  }
  writeFileSync(resolve(folder, 'tsconfig.json'), JSON.stringify(project))
  return folder
}
