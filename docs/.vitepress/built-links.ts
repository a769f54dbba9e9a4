import { existsSync, globSync, readFileSync, statSync } from 'node:fs'
import { dirname, resolve } from 'node:path'

/** Every link, picture and script of the built pages that leads to no file of the site, or to no place in its page. */
export function brokenLinks(folder: string, base: string): string[] {
  const pages = new Map<string, Page>()
  const read = (file: string) => {
    const page = pages.get(file) ?? readBuilt(file)
    pages.set(file, page)
    return page
  }
  return globSync('**/*.html', { cwd: folder, exclude: ['try/**'] })
    .sort()
    .flatMap(name => {
      const file = resolve(folder, name)
      return [...read(file).links]
        .filter(link => {
          const { path, anchor } = locate(link, file, folder, base)
          if (path === null) return false
          if (!existsSync(path) || statSync(path).isDirectory()) return true
          return anchor !== '' && !read(path).anchors.has(anchor)
        })
        .map(link => `${name} → ${link}`)
    })
}

interface Page {
  readonly links: ReadonlySet<string>
  readonly anchors: ReadonlySet<string>
}

function readBuilt(file: string): Page {
  const html = readFileSync(file, 'utf8').replace(/<script\b.*?<\/script>/gs, '')
  const valuesOf = (name: string) =>
    new Set(
      [...html.matchAll(RegExp(`\\s(?:${name})="([^"]*)"`, 'g'))].map(([, value = '']) => decode(value)),
    )
  return { links: valuesOf('href|src'), anchors: valuesOf('id') }
}

const decode = (value: string): string => value.replaceAll('&amp;', '&').replaceAll('&quot;', '"')

/** `path: null`: the link leaves the site. `path: ''`: it leads to a place of this host beside the site. */
function locate(
  link: string,
  file: string,
  folder: string,
  base: string,
): { path: string | null; anchor: string } {
  const [, address = '', encoded = ''] = /^([^?#]*)(?:\?[^#]*)?#?(.*)$/.exec(link) ?? []
  const anchor = decodeURIComponent(encoded)
  if (/^(?:[a-z]+:|\/\/)/.test(link)) return { path: null, anchor }
  if (address === '') return { path: file, anchor }
  if (address.startsWith('/') && !address.startsWith(base)) return { path: '', anchor }
  const found = address.startsWith('/')
    ? resolve(folder, decodeURI(address.slice(base.length)))
    : resolve(dirname(file), decodeURI(address))
  return { path: address.endsWith('/') ? resolve(found, 'index.html') : found, anchor }
}
