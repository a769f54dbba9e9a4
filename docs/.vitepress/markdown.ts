import { relative } from 'node:path'
import type { MarkdownRenderer } from 'vitepress'
import { siteLink } from './links.ts'
import { root } from './pages.ts'

/** What VitePress says about the page. Of a page whose address is not its path, only `realPath` is the file. */
interface Env {
  path: string
  realPath?: string
}

/** Makes a page that is written for the repository's host a page of the site. */
export function adapt(md: MarkdownRenderer, repository: string | null): void {
  const fileOf = ({ realPath, path }: Env) => relative(root, realPath ?? path)

  md.core.ruler.push('repository-links', ({ tokens, env }) => {
    const file = fileOf(env)
    for (const token of tokens.flatMap(({ children }) => children ?? [])) {
      if (token.type !== 'link_open' || token.attrGet('class') === 'header-anchor') continue
      const href = siteLink(token.attrGet('href') ?? '', file, repository)
      // Without an address, an anchor without `href` is text.
      token.attrs = href === null ? [] : [['href', href]]
    }
  })

  // The corner of a table with headings on two sides heads nothing.
  md.core.ruler.push('empty-corners', ({ tokens }) => {
    for (const [index, token] of tokens.entries()) {
      if (token.type !== 'th_open' || tokens[index + 1]?.content !== '') continue
      token.tag = 'td'
      tokens[index + 2]!.tag = 'td'
    }
  })

  const fence = md.renderer.rules.fence!
  md.renderer.rules.fence = (tokens, index, options, env, self) => {
    const { info, content } = tokens[index]!
    if (info.trim() !== 'mermaid') return fence(tokens, index, options, env, self)
    return `<Diagram code="${encodeURIComponent(content.trim())}" />`
  }
}
