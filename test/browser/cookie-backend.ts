import { listen, type Origin } from './origin.ts'
import { bundle } from './site.ts'

export const pageOf = (script: string): string =>
  `<!doctype html><title>page</title><script type="module" src="${script}"></script>`

/**
 * A backend that knows a session by its cookie. `scripts`: names of pages' scripts, each of which has a page of its name;
 * `pages`: whatever else there is. The demo server's own pages may not be framed.
 */
export async function cookieBackend(
  scripts: string[],
  lifetime: number,
  pages: Record<string, string> = {},
): Promise<() => Promise<Origin>> {
  const bundles = await Promise.all(scripts.map(async name => [`/${name}.js`, await bundle(name)]))
  const files: Record<string, string> = { ...Object.fromEntries(bundles), ...pages }
  const tokens = (name: string) => JSON.stringify({ access_token: name, expires_in: lifetime })

  return () =>
    listen(({ url = '', headers }) => {
      const { pathname, search } = new URL(url, 'http://host')
      switch (pathname) {
        case '/login':
          return [200, { 'Set-Cookie': 'sid=1; HttpOnly; SameSite=Strict' }, tokens('logged-in')]
        case '/refresh_token':
          return headers.cookie?.includes('sid=1') ? [200, {}, tokens('refreshed')] : [401, {}, '{}']
        case '/logout':
          return [204, { 'Set-Cookie': 'sid=; Max-Age=0' }]
        case '/items':
          return [headers.authorization ? 200 : 401]
        default:
          return [200, {}, files[pathname] ?? pageOf(`${pathname}.js${search}`)]
      }
    })
}
