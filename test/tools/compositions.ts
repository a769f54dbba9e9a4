import { type BuildResult, build } from 'esbuild'
import { SHIPPED } from './bundlers.ts'
import { root } from './report.ts'

/**
 * What apps make of the package. This list says what is bundled, which budgets package.json has, and which rows the tables of
 * sizes in README.md and docs/performance.md have.
 */
export interface Composition {
  /** Of its bundle. */
  readonly file: string
  /** Of its budget in `size-limit` of package.json. */
  readonly name: string
  /** What an app writes. */
  readonly code: string
  /** The files and folders of `src/features/` that it asks for. */
  readonly features: readonly string[]
  /** The other folders of `src/`, and the packages, that are in its bundle. */
  readonly beside?: readonly string[]
  /** What it has beside core with `tabs: false`. It is then shown, and judged too, as what that adds. */
  readonly addition?: string
  /** What its figure means for an app. */
  readonly meaning: string
  /** What the app has anyway. */
  readonly external?: readonly string[]
}

const CORE = 'silent-refresh/core'

/** What the others are compared with. */
export const PLAIN: Composition = {
  file: 'core',
  name: `${CORE}, tabs: false`,
  code: `import { createAuthClient } from '${CORE}'
    createAuthClient({ tabs: false })`,
  features: [],
  meaning:
    'The least that an app can ship. Each tab has a session of its own, and nothing optional is there.',
}

export const SHARED: Composition = {
  file: 'core-tabs',
  name: `${CORE}, shareTabs()`,
  code: `import { createAuthClient, shareTabs } from '${CORE}'
    createAuthClient({ tabs: shareTabs() })`,
  features: ['tabs'],
  meaning: 'What an app ships that brings its own HTTP client: all tabs share one session and one refresh.',
}

export const MAIN: Composition = {
  file: 'index',
  name: 'silent-refresh',
  code: `import { createAuthClient } from 'silent-refresh'
    createAuthClient()`,
  features: ['tabs'],
  beside: ['src/api', 'ky'],
  meaning: 'The main entry with its defaults: `shareTabs()`, and `auth.api`, which is ky.',
}

const additions: readonly Composition[] = [
  adding({
    file: 'core-storage',
    addition: 'webStorage()',
    code: `import { createAuthClient, webStorage } from '${CORE}'
      createAuthClient({ tabs: false, storage: webStorage(() => sessionStorage) })`,
    features: ['storage'],
    meaning: 'A refresh token that JavaScript can read is stored, so that the session survives a reload.',
  }),
  adding({
    file: 'core-idle',
    addition: 'idleTimeout()',
    code: `import { createAuthClient, idleTimeout } from '${CORE}'
      createAuthClient({ tabs: false, idle: idleTimeout(15 * 60_000) })`,
    features: ['idle-timeout.ts'],
    meaning: 'Users who are away too long are signed out, with a warning before.',
  }),
  adding({
    file: 'core-csrf',
    addition: 'doubleSubmit()',
    code: `import { createAuthClient, doubleSubmit } from '${CORE}'
      createAuthClient({ tabs: false, csrf: doubleSubmit({ cookie: 'XSRF-TOKEN', header: 'X-XSRF-TOKEN' }) })`,
    features: ['double-submit.ts'],
    meaning: 'A CSRF cookie is sent back as a header.',
  }),
  adding({
    file: 'core-cookies',
    addition: 'cookieMode()',
    code: `import { cookieMode, createAuthClient } from '${CORE}'
      createAuthClient({ tabs: false, mode: cookieMode(), endpoints: { user: 'me' } })`,
    features: ['cookie-mode.ts'],
    meaning: 'The access token is an HttpOnly cookie too.',
  }),
  adding({
    file: 'core-dpop',
    addition: 'dpop()',
    code: `import { createAuthClient } from '${CORE}'
      import { dpop } from 'silent-refresh/dpop'
      createAuthClient({ ...dpop(), tabs: false })`,
    features: [],
    beside: ['src/dpop'],
    meaning:
      'Tokens are bound to a key of the browser, and each request shows a proof. `getProof` is not counted.',
  }),
]

function adding(given: Omit<Composition, 'name'>): Composition {
  return { ...given, name: `${PLAIN.name}, ${given.addition}` }
}

const everything: Composition = {
  file: 'core-everything',
  name: `${CORE}, everything`,
  // A storage and cookie mode do not go together in one client.
  code: `import { cookieMode, createAuthClient, doubleSubmit, idleTimeout, shareTabs, webStorage } from '${CORE}'
    const common = {
      tabs: shareTabs(),
      idle: idleTimeout(15 * 60_000),
      csrf: doubleSubmit({ cookie: 'XSRF-TOKEN', header: 'X-XSRF-TOKEN' }),
    }
    createAuthClient({ ...common, storage: webStorage(() => sessionStorage) })
    createAuthClient({ ...common, mode: cookieMode(), endpoints: { user: 'me' } })`,
  features: ['tabs', 'storage', 'idle-timeout.ts', 'double-submit.ts', 'cookie-mode.ts'],
  meaning:
    'The most that features can cost: all five, in two clients, because a storage and cookie mode exclude each other.',
}

const OAUTH = 'silent-refresh/oauth'

/** An app with a login at an authorization server. */
const LOGIN: Composition = {
  file: 'core-oauth',
  name: `${SHARED.name}, oauth()`,
  code: `import { createAuthClient, shareTabs } from '${CORE}'
      import { oauth } from '${OAUTH}'
      createAuthClient({
        ...oauth({ issuer: 'https://id.example.com', clientId: 'spa' }),
        tabs: shareTabs(),
      })`,
  features: ['tabs'],
  beside: ['src/oauth', 'oauth4webapi'],
  meaning: 'What an app ships that logs its users in at an OAuth 2 or OpenID Connect server.',
}

const oauth: Composition = {
  file: 'oauth',
  name: `${OAUTH}, alone`,
  code: `export { oauth } from '${OAUTH}'`,
  features: [],
  beside: ['src/oauth', 'oauth4webapi'],
  meaning:
    'The entry without a client: no app ships that. oauth4webapi is in it, and so is what it shares with core; `par` is not.',
}

const dpop: Composition = {
  file: 'dpop',
  name: 'silent-refresh/dpop, alone',
  code: `export { dpop, getProof } from 'silent-refresh/dpop'`,
  features: [],
  beside: ['src/dpop'],
  meaning:
    'The entry without a client: no app ships that. What it shares with core is in it, and so is `getProof`.',
}

/** For development: a build for users leaves it out. */
const devtools: Composition = {
  file: 'devtools',
  name: 'silent-refresh/devtools',
  code: `export { devtoolsFetch, mountDevtools, openReport } from 'silent-refresh/devtools'`,
  features: [],
  beside: ['src/devtools', 'src/logging.ts'],
  meaning:
    'The panel for developers, without a client. A build for users [leaves it out](devtools.md#production).',
}

/** What a binding adds to a client and to its framework, all of it used. */
export const BINDINGS: readonly Composition[] = (
  [
    ['react', 'React'],
    ['vue', 'Vue'],
    ['svelte', 'Svelte'],
    ['solid', 'Solid'],
    ['angular', 'Angular'],
  ] as const
).map(([file, framework]) => ({
  file,
  name: `silent-refresh/${file}`,
  code: `export * from 'silent-refresh/${file}'`,
  features: [],
  meaning: `What the binding adds to a client. ${framework} itself is not counted.`,
  external: ['react', 'vue', 'svelte/*', 'solid-js', '@angular/*', 'rxjs'],
}))

export const COMPOSITIONS: readonly Composition[] = [
  PLAIN,
  SHARED,
  ...additions,
  everything,
  MAIN,
  LOGIN,
  oauth,
  dpop,
  devtools,
  ...BINDINGS,
]

/** What README.md shows of them. */
export const IN_SHORT: readonly Composition[] = [PLAIN, SHARED, MAIN, LOGIN]

/**
 * What an app ships, dependencies included, and nothing that it does not use. `dist`: of the package as it is built; `src`: of
 * the sources, so that the files can be told apart. Bundled here and not by @size-limit/esbuild: that one takes no target
 * from package.json, wraps in an IIFE and subtracts an estimate of it.
 */
export function bundleOf(
  { code, external = [] }: Composition,
  from: 'dist' | 'src',
): Promise<BuildResult<{ write: false; metafile: true }>> {
  return build({
    stdin: { contents: code, resolveDir: root },
    ...SHIPPED,
    metafile: true,
    external: [...external],
    // The package's own names lead to `src` by the paths of tsconfig.json, and without these to `dist` by package.json.
    ...(from === 'dist' && { tsconfigRaw: '{}' }),
  })
}
