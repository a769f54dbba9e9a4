import { cpSync, existsSync, globSync, readFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { type DefaultTheme, defineConfig, type UserConfig } from 'vitepress'
import { brokenLinks } from './built-links.ts'
import { repositoryOf } from './links.ts'
import { adapt } from './markdown.ts'
import { addressOf, pagesOf, root, SECTIONS } from './pages.ts'
import { termsOf, weightOf, wordsOf } from './search.ts'
import { slugOf } from './slug.ts'

// `npm run docs:dev` and `npm run docs:build`. TypeDoc has written the reference into docs/reference/ before.

const manifest = JSON.parse(readFileSync(resolve(root, 'package.json'), 'utf8'))
const repository = repositoryOf(manifest, process.env)
/** `/name/` where the site is not at the root of its host. */
const base = process.env.SITE_BASE ?? '/'
/** What `npm run docs:build` has built before. `docs:dev` goes on without it. */
const demo = resolve(import.meta.dirname, 'cache/try')
const icon = readFileSync(resolve(root, 'demo/app/favicon.svg'), 'utf8')
const hasDemo = existsSync(demo)

// The demo is an app of its own, which the router of the site does not know.
const tryIt = { text: 'Try it', link: '/try/', target: '_self' }

const config: UserConfig<DefaultTheme.Config> = defineConfig({
  title: manifest.name,
  description: manifest.description,
  lang: 'en',
  base,
  head: [['link', { rel: 'icon', href: `data:image/svg+xml,${encodeURIComponent(icon)}` }]],
  // The README, the changelog and their like are pages too.
  srcDir: '..',
  srcExclude: ['!(docs)/**/*'],
  rewrites: addressOf,
  markdown: {
    anchor: { slugify: slugOf },
    config: md => adapt(md, repository),
    theme: { light: 'github-light-high-contrast', dark: 'github-dark-high-contrast' },
  },
  themeConfig: {
    nav: [
      { text: 'Guide', link: '/guide' },
      { text: 'Reference', link: '/reference/', activeMatch: '/reference/' },
      ...(hasDemo ? [tryIt] : []),
    ],
    sidebar: [...pages(), reference()],
    outline: [2, 3],
    search: {
      provider: 'local',
      options: {
        // The label of a button begins with the words that it shows.
        translations: { button: { buttonAriaLabel: 'Search' } },
        miniSearch: {
          options: { tokenize: termsOf },
          searchOptions: { tokenize: wordsOf, boostDocument: weightOf },
        },
        _render: (text, env, md) => (env.relativePath === 'CHANGELOG.md' ? '' : md.render(text, env)),
      },
    },
    ...(repository && {
      editLink: { pattern: `${repository}/edit/HEAD/:path`, text: 'Edit this page' },
      ...(repository.startsWith('https://github.com/') && {
        socialLinks: [{ icon: 'github' as const, link: repository }],
      }),
    }),
  },
  // The index of the search, which is loaded when somebody searches, has a megabyte.
  vite: {
    build: { chunkSizeWarningLimit: 2000 },
    // Not every page of the repository: those of the demo and the tests are beside this one.
    optimizeDeps: { entries: ['docs/.vitepress/theme/index.ts'] },
  },
  buildEnd({ outDir }) {
    // What theme/diagram.ts loads.
    for (const part of ['mermaid.esm.min.mjs', 'chunks/mermaid.esm.min']) {
      const from = resolve(root, 'node_modules/mermaid/dist', part)
      const filter = (path: string) => !path.endsWith('.map')
      cpSync(from, resolve(outDir, 'mermaid', part), { recursive: true, filter })
    }
    if (hasDemo) cpSync(demo, resolve(outDir, 'try'), { recursive: true })
    const broken = brokenLinks(outDir, base)
    if (broken.length > 0) throw new Error(`Links that lead nowhere:\n${broken.join('\n')}`)
  },
})

export default config

function pages(): DefaultTheme.SidebarItem[] {
  return SECTIONS.map(section => ({
    text: section.text,
    items: pagesOf(section).map(({ file, text }) => ({
      text,
      link: `/${addressOf(file).replace(/(?:^index)?\.md$/, '')}`,
    })),
  }))
}

/** The entries of the package, as TypeDoc has written them: each has a page that lists its names. */
function reference(): DefaultTheme.SidebarItem {
  const entries = globSync('docs/reference/**/index.md', { cwd: root }).map(dirname).sort()
  return {
    text: 'API reference',
    items: entries.map(entry => ({
      text: entry === 'docs/reference' ? 'All entries' : entry.replace('docs/reference/', ''),
      link: `/${addressOf(entry)}/`,
    })),
  }
}
