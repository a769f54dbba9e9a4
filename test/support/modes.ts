import { cookieMode, tokenStorage } from '../../src/core.ts'
import type { AuthClientOptions, TokenStorage } from '../../src/types.ts'
import { createWorld, type World, type WorldOptions } from './world.ts'

/** What `webStorage(sessionStorage)` is to the client: text, of this tab alone, that outlives the page. */
export function createTabStorage(
  kept: Map<string, string> = new Map(),
): TokenStorage & { kept: Map<string, string> } {
  return {
    kept,
    get: key => kept.get(key) ?? null,
    set: (key, value) => void kept.set(key, value),
    remove: key => void kept.delete(key),
  }
}

/** One way to have a session. What holds for the default holds for each of them, by the same tests. */
export interface Mode {
  readonly name: string
  /** Script sees the access token: it goes along as a header. */
  readonly isBearer: boolean
  /** A page load goes on with the session. */
  readonly isRestored: boolean
  readonly options: () => WorldOptions
}

const inBody: WorldOptions = { server: { carrier: 'body' } }

export const MODES: readonly Mode[] = [
  {
    name: 'bearer, refresh token in a cookie',
    isBearer: true,
    isRestored: true,
    options: () => ({}),
  },
  {
    name: 'bearer, refresh token in the body',
    isBearer: true,
    isRestored: false,
    options: () => inBody,
  },
  {
    name: 'bearer, refresh token in a storage',
    isBearer: true,
    isRestored: true,
    options: () => ({ ...inBody, options: { storage: tokenStorage(createTabStorage()) } }),
  },
  {
    name: 'cookie mode',
    isBearer: false,
    isRestored: true,
    options: () => ({
      server: { access: 'cookie' },
      options: { mode: cookieMode(), endpoints: { user: 'me' } },
    }),
  },
]

/** `test/support/world.ts`, in one mode. */
export interface Worlds {
  readonly mode: Mode
  createWorld(given?: WorldOptions): World
  /** A world in which ada is signed in. */
  signedIn(given?: WorldOptions): Promise<World>
  /** The same tab after a page load, with what rests in its storage. */
  reload(world: World, options?: AuthClientOptions<any>, page?: WorldOptions['page']): World
  /** Someone who was signed in before this page was loaded, and whose access token did not last. */
  reloaded(given?: WorldOptions): Promise<World>
}

export function worldsOf(mode: Mode): Worlds {
  const known = new WeakMap<World, WorldOptions>()

  function merge(own: WorldOptions, given: WorldOptions): WorldOptions {
    const endpoints = { ...own.options?.endpoints, ...given.options?.endpoints }
    return {
      ...own,
      ...given,
      server: { ...own.server, ...given.server },
      options: { ...own.options, ...given.options, endpoints },
    }
  }

  function create(given: WorldOptions): World {
    const world = createWorld(given)
    known.set(world, given)
    return world
  }

  const reload: Worlds['reload'] = (browser, options = {}, page) =>
    create({ ...merge(known.get(browser) ?? {}, { options }), browser, ...(page && { page }) })

  async function signedIn(given: WorldOptions = {}): Promise<World> {
    const world = create(merge(mode.options(), given))
    await world.login()
    await world.settle()
    world.server.calls.length = 0
    world.events.length = 0
    return world
  }

  async function reloaded(given?: WorldOptions): Promise<World> {
    const before = await signedIn(given)
    before.close()
    before.server.revokeAccess()
    before.server.jar.access = null
    return reload(before)
  }

  return {
    mode,
    createWorld: (given = {}) => create(merge(mode.options(), given)),
    signedIn,
    reload,
    reloaded,
  }
}

/** For `describe.each`. */
export const WORLDS: readonly Worlds[] = MODES.map(worldsOf)
