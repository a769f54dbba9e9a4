import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { serveStatic } from '@hono/node-server/serve-static'
import type { MiddlewareHandler } from 'hono'
import type { ServerEnv } from './http.ts'

const NOT_BUILT = `The demo's page is not built yet. Build it with

    npx vite build demo/app

and load this address again, or start everything with: npm run demo
`

/** `issuer`: what the page may call, and ask in a frame, beside its own server. */
const policy = (frameAncestors: string, issuer: string | undefined) =>
  [
    `default-src 'self'`,
    ...(issuer ? [`connect-src 'self' ${issuer}`, `frame-src 'self' ${issuer}`] : []),
    `require-trusted-types-for 'script'`,
    `base-uri 'none'`,
    `frame-ancestors ${frameAncestors}`,
    `form-action 'self'`,
  ].join('; ')

/** What the page itself puts into frames. */
const FRAMED = ['/break/tab.html', '/silent.html']

/** Serves the built page. Each request looks for the files anew, because they may be built while this runs. */
export const servePage = (root: string, issuer: () => string | undefined): MiddlewareHandler<ServerEnv> => {
  let files: MiddlewareHandler<ServerEnv> | undefined

  return async (c, next) => {
    c.header('Content-Security-Policy', policy(FRAMED.includes(c.req.path) ? `'self'` : `'none'`, issuer()))
    c.header('Referrer-Policy', 'same-origin')
    if (!existsSync(join(root, 'index.html'))) {
      return c.req.path === '/' ? c.text(NOT_BUILT, 503) : next()
    }
    files ??= serveStatic<ServerEnv>({ root })
    const response = await files(c, next)
    // Vite puts a hash into the names under /assets. Not no-store: it would keep the page out of bfcache.
    const hashed = c.req.path.startsWith('/assets/')
    if (response instanceof Response) {
      response.headers.set('Cache-Control', hashed ? 'public, max-age=31536000, immutable' : 'no-cache')
    }
    return response
  }
}
