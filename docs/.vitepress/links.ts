import { existsSync, statSync } from 'node:fs'
import { dirname, relative, resolve } from 'node:path'
import { addressOf, isPage, root } from './pages.ts'

/**
 * The web address of the repository, without a slash at its end. `null` while package.json does not name it and no
 * workflow runs: links into the repository are then plain text.
 */
export function repositoryOf(
  manifest: { repository?: string | { url: string } },
  env: Record<string, string | undefined> = {},
): string | null {
  const { repository } = manifest
  const named = typeof repository === 'string' ? repository : repository?.url
  if (!named) {
    const { GITHUB_SERVER_URL: server, GITHUB_REPOSITORY: name } = env
    return server && name ? `${server}/${name}` : null
  }
  const [, short] = /^(?:github:)?([\w-]+\/[\w.-]+)$/.exec(named) ?? []
  if (short) return `https://github.com/${short}`
  return named
    .replace(/^git\+/, '')
    .replace(/^(?:ssh|git):\/\/(?:git@)?/, 'https://')
    .replace(/^git@([^:]+):/, 'https://$1/')
    .replace(/\.git$/, '')
}

/**
 * Where a link of a page leads on the site. Links are written for the repository's host, relative to the file. A link to
 * a page becomes that page's address, any other link to a file leads to the repository. `null`: there is no address.
 */
export function siteLink(href: string, file: string, repository: string | null): string | null {
  if (/^(?:[a-z]+:|\/\/|#)/.test(href)) return href
  const [, path = '', rest = ''] = /^([^?#]*)(.*)$/.exec(href) ?? []
  // Pages that the host has beside the files, such as `../../issues`.
  const [, hosted] = /^\.\.\/\.\.\/((?:security|issues|releases|discussions)\b.*)$/.exec(href) ?? []
  if (hosted) return repository && `${repository}/${hosted}`
  const target = relative(root, resolve(root, dirname(file), decodeURI(path)))
  if (isPage(target)) return `/${addressOf(target)}${rest}`
  const found = resolve(root, target)
  if (!existsSync(found)) throw new Error(`${file} links to ${href}, and there is no ${target}`)
  if (!repository) return null
  return `${repository}/${statSync(found).isDirectory() ? 'tree' : 'blob'}/HEAD/${target}${rest}`
}
