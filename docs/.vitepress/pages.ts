import { globSync, readFileSync } from 'node:fs'
import { resolve } from 'node:path'

export const root: string = resolve(import.meta.dirname, '../..')

/** A file, or all files of a folder as `docs/providers/*.md`. Its name in the sidebar is its heading, unless given here. */
type Entry = string | readonly [file: string, text: string]

export interface Section {
  readonly text: string
  readonly pages: readonly Entry[]
}

/** The sidebar. A new page in `docs/` needs a line here: a test compares the list with the files. */
export const SECTIONS: readonly Section[] = [
  {
    text: 'Start',
    pages: [
      ['README.md', 'Overview'],
      'docs/getting-started.md',
      'docs/guide.md',
      ['docs/backend.md', 'Your backend'],
      'docs/backend-modes.md',
      'docs/how-it-works.md',
    ],
  },
  { text: 'Frameworks', pages: [['docs/frameworks.md', 'All frameworks'], 'docs/frameworks/*.md'] },
  {
    text: 'Login at a provider',
    pages: [['docs/oauth.md', 'OpenID Connect'], ['docs/dpop.md', 'DPoP'], 'docs/providers/*.md'],
  },
  {
    text: 'Recipes',
    pages: [
      ['docs/tasks.md', 'By task'],
      ['docs/clients.md', 'By HTTP client'],
      ['docs/recipes.md', 'By backend'],
      'docs/testing.md',
      ['docs/migration.md', 'Moving to this client'],
      'docs/migration/*.md',
    ],
  },
  {
    text: 'When something goes wrong',
    pages: [
      'docs/troubleshooting.md',
      'docs/faq.md',
      ['docs/logging.md', 'Logging'],
      ['docs/devtools.md', 'Devtools'],
    ],
  },
  { text: 'Look up', pages: ['docs/api.md', 'docs/options.md', 'docs/errors.md', 'docs/glossary.md'] },
  {
    text: 'Deciding',
    pages: [
      'docs/promises.md',
      'docs/security.md',
      ['docs/storage.md', 'Where tokens are stored'],
      'docs/comparison.md',
    ],
  },
  {
    text: 'Appendix: measurements',
    pages: [
      ['docs/performance.md', 'Performance'],
      ['docs/fleet.md', 'Many clients, one server'],
    ],
  },
  {
    text: 'The project',
    pages: [
      'docs/architecture.md',
      'CONTRIBUTING.md',
      'CHANGELOG.md',
      ['SECURITY.md', 'Reporting a vulnerability'],
    ],
  },
]

/** Pages outside `docs/`, and their addresses. `SECURITY.md` and `docs/security.md` would differ by case only. */
const ADDRESSES: Record<string, string> = {
  'README.md': 'index.md',
  'CHANGELOG.md': 'changelog.md',
  'CONTRIBUTING.md': 'contributing.md',
  'SECURITY.md': 'security-policy.md',
}

/** The address of a file on the site, as a path from the site's root. */
export const addressOf = (file: string): string => ADDRESSES[file] ?? file.replace(/^docs\//, '')

/** Whether the site has a page for this file of the repository. */
export const isPage = (file: string): boolean =>
  file in ADDRESSES || (file.startsWith('docs/') && file.endsWith('.md'))

/** Every file in the sidebar, with its name there. */
export const pagesOf = ({ pages }: Section): { file: string; text: string }[] =>
  pages.flatMap(entry => {
    const [pattern, text] = typeof entry === 'string' ? [entry] : entry
    const files = pattern.includes('*') ? globSync(pattern, { cwd: root }).sort() : [pattern]
    return files.map(file => ({ file, text: text ?? headingOf(file) }))
  })

function headingOf(file: string): string {
  const [, heading = file] = /^# (.+)$/m.exec(readFileSync(resolve(root, file), 'utf8')) ?? []
  return heading.replaceAll('`', '')
}
