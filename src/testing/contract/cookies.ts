/** One `Set-Cookie` (RFC 6265). */
export interface SetCookie {
  readonly name: string
  readonly value: string
  /** Its own, or else the folder of the request. */
  readonly path: string
  /** By their names in lower case; empty for one without a value, such as `HttpOnly`. */
  readonly attributes: ReadonlyMap<string, string>
  /** The browser removes the cookie. */
  readonly isCleared: boolean
  /** The line, without the value. */
  readonly shown: string
}

/** What a browser has stored, and sends again. */
export interface Jar {
  header(path: string): string
  store(cookies: readonly SetCookie[]): void
  /** As it is now; the original goes its own way. */
  copy(): Jar
  value(name: string): string | undefined
  /** In place of all cookies of this name: one that is sent everywhere, or none if the value is empty. */
  put(name: string, value: string): void
}

export function readCookie(line: string, requestPath: string): SetCookie | null {
  const [pair = '', ...rest] = line.split(';').map(part => part.trim())
  const split = pair.indexOf('=')
  if (split < 1) return null
  const attributes = new Map(
    rest.map(part => {
      const [name = '', ...value] = part.split('=')
      return [name.trim().toLowerCase(), value.join('=').trim()] as const
    }),
  )
  const name = pair.slice(0, split)
  const path = attributes.get('path') ?? ''
  return {
    name,
    value: pair.slice(split + 1),
    path: path.startsWith('/') ? path : folderOf(requestPath),
    attributes,
    isCleared: isOver(attributes),
    shown: [`${name}=…`, ...rest].join('; '),
  }
}

/** RFC 6265 §5.1.4 */
const folderOf = (path: string): string => path.slice(0, path.lastIndexOf('/')) || '/'

export const covers = (cookiePath: string, path: string): boolean =>
  path === cookiePath || path.startsWith(cookiePath.endsWith('/') ? cookiePath : `${cookiePath}/`)

/** Max-Age counts if the cookie has both. */
function isOver(attributes: ReadonlyMap<string, string>): boolean {
  const age = attributes.get('max-age')
  if (age !== undefined && /^-?\d+$/.test(age)) return Number(age) <= 0
  return Date.parse(attributes.get('expires') ?? '') < Date.now()
}

/** In seconds. 0: until the browser is closed. */
export function lifetimeOf({ attributes }: SetCookie): number {
  const age = attributes.get('max-age')
  if (age !== undefined && /^-?\d+$/.test(age)) return Number(age)
  return Math.max(0, (Date.parse(attributes.get('expires') ?? '') - Date.now()) / 1000) || 0
}

export function createJar(cookies: readonly SetCookie[] = []): Jar {
  let kept = cookies
  return {
    header: path =>
      kept
        .filter(cookie => covers(cookie.path, path))
        .map(({ name, value }) => `${name}=${value}`)
        .join('; '),
    store(set) {
      for (const cookie of set) {
        kept = kept.filter(({ name, path }) => name !== cookie.name || path !== cookie.path)
        if (!cookie.isCleared) kept = [...kept, cookie]
      }
    },
    copy: () => createJar(kept),
    value: name => kept.find(cookie => cookie.name === name)?.value,
    put(name, value) {
      const made = value ? readCookie(`${name}=${value}; Path=/`, '/') : null
      kept = [...kept.filter(cookie => cookie.name !== name), ...(made ? [made] : [])]
    },
  }
}
