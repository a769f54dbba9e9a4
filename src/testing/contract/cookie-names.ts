import type { SetCookie } from './cookies.ts'
import type { Settings } from './options.ts'

/** The cookies with the tokens: by the names that were given, or by their own names. */
export function findNames(
  cookies: readonly SetCookie[],
  { mode, cookie, accessCookie, csrfCookie }: Settings,
): { readonly refresh: string; readonly access?: string } {
  const set = cookies.filter(({ isCleared }) => !isCleared).map(({ name }) => name)
  if (mode !== 'cookie') return { refresh: pick(set, cookie, /refresh/i) }
  const own = set.filter(name => name !== csrfCookie)
  const isAccess = (name: string) => (accessCookie ? name === accessCookie : /access/i.test(name))
  const refresh = pick(
    own.filter(name => !isAccess(name)),
    cookie,
    /refresh/i,
  )
  const access = pick(
    own.filter(name => name !== refresh),
    accessCookie,
    /access/i,
  )
  return { refresh, access }
}

/** The only name, or the only one that fits; empty if there is none. */
function pick(names: readonly string[], asked: string, pattern: RegExp): string {
  const found = asked
    ? names.filter(name => name === asked)
    : names.length === 1
      ? names
      : names.filter(name => pattern.test(name))
  return (found.length === 1 && found[0]) || asked
}
