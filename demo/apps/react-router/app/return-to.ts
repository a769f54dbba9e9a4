/** `to` as a path of this app, or `/` if it is none: anybody can have written the address of the login page. */
export function returnTo(to: unknown): string {
  const base = 'https://app.invalid'
  if (typeof to !== 'string' || !URL.canParse(to, base)) return '/'
  const { origin, pathname, search, hash } = new URL(to, base)
  return origin === base && /^\/(?!\/)/.test(pathname) ? pathname + search + hash : '/'
}
