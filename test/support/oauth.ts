import { type OAuthOptions, oauth } from '../../src/oauth/index.ts'
import {
  type AuthorizationServer,
  createFakeAuthorizationServer,
  type FakeAuthorizationServerOptions,
} from '../../src/testing/core.ts'
import type { AuthClientOptions } from '../../src/types.ts'
import { createWindows, type TestWindows } from './windows.ts'
import { createWorld, type World, type WorldOptions } from './world.ts'

export const APP = 'https://app.example.com'
export const API = 'https://api.example.com'
export const HERE = 'https://app.example.com/inbox?folder=2#first'

type Decision = Parameters<AuthorizationServer['authorize']>[1]

export interface OAuthWorld extends World {
  id: AuthorizationServer
  windows: TestWindows
  /** The page that this tab shows next, at this address. */
  reload(href?: string): OAuthWorld
  /** Another tab of the browser. */
  open(href?: string): OAuthWorld
  /** The page has left for the authorization server: what the user does there, and the page that it comes back to. */
  back(decision?: Decision): Promise<OAuthWorld>
  /** As `back`, without the page: the address. */
  answered(decision?: Decision): Promise<string>
  /** The names of the calls that came to the authorization server, and the paths of those to the API. */
  calls(): string[]
}

export interface OAuthWorldOptions {
  id?: AuthorizationServer
  server?: FakeAuthorizationServerOptions
  oauth?: Partial<OAuthOptions>
  options?: AuthClientOptions
  href?: string
  world?: WorldOptions
}

/** The platform makes digests outside the event loop, so the virtual clock has to wait for them. */
let digests = 0
const { digest } = crypto.subtle
Object.defineProperty(crypto.subtle, 'digest', {
  async value(...given: Parameters<SubtleCrypto['digest']>) {
    digests++
    try {
      return await digest.apply(crypto.subtle, given)
    } finally {
      digests--
    }
  },
})

/** An app at `APP`, its API at `API`, and an authorization server, all on virtual time. */
export function createOAuthWorld(given: OAuthWorldOptions = {}): OAuthWorld {
  const { href = HERE, world: around = {} } = given
  const browser = around.browser ?? around.before
  const storage = browser?.storage ?? new Map<string, string>()
  const sessionStorage = around.before?.sessionStorage
  const windows = createWindows(href, where => [
    ...((where === 'localStorage'
      ? (world?.storage ?? storage)
      : (world?.sessionStorage ?? sessionStorage)
    )?.keys() ?? []),
  ])
  let world: World | undefined
  const id =
    given.id ??
    createFakeAuthorizationServer({
      baseUrl: API,
      api: { '/items': [1], '/admin': [2] },
      expiresIn: 300,
      ...given.server,
      now: () => (world as World).clock.time,
    })
  world = createWorld({
    page: { href, origin: APP },
    windows,
    ...around,
    options: {
      ...oauth({
        issuer: id.issuer,
        clientId: 'spa',
        scope: 'openid profile offline_access',
        ...given.oauth,
      }),
      baseUrl: API,
      async fetch(input, init) {
        if (world?.online === false) throw new TypeError('fetch failed')
        const arrived = underWay(world)
        return id.fetch(input, init).finally(arrived)
      },
      ...given.options,
    },
  })
  const made = world as OAuthWorld
  const { settle } = made
  const opened: OAuthWorldOptions[] = []
  const next = (more: OAuthWorldOptions): OAuthWorld => {
    opened.push(more)
    return createOAuthWorld({ ...given, id, ...more })
  }
  return Object.assign(made, {
    id,
    windows,
    async settle() {
      do await settle()
      while (digests > 0)
    },
    reload(to = windows.href()) {
      made.close()
      return next({ href: to, world: { before: made } })
    },
    open: (to = HERE) => next({ href: to, world: { browser: made } }),
    async answered(decision?: Decision) {
      return (await id.authorize(await windows.left(), decision)).href
    },
    async back(decision?: Decision) {
      return made.reload(await made.answered(decision))
    },
    calls: () => id.calls.map(({ endpoint, path }) => endpoint ?? path),
  })
}

/** `settle` waits for the call, but not for one that a test holds back. */
function underWay(world: World | undefined): () => void {
  const shared = world?.shared ?? { inFlight: 0 }
  shared.inFlight++
  let turns = 0
  const end = () => {
    if (turns < 100) shared.inFlight--
    turns = 100
  }
  const turn = () => {
    if (turns === 99) end()
    else if (++turns < 100) setImmediate(turn)
  }
  turn()
  return end
}

/** Somebody has logged in by redirect; the page is back and settled. */
export async function loggedIn(given: OAuthWorldOptions = {}, decision?: Decision): Promise<OAuthWorld> {
  const first = createOAuthWorld(given)
  void first.client.login().catch(() => {})
  const world = await first.back(decision)
  await world.client.ready()
  return world
}
