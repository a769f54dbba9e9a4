import type { Windows } from '../../src/kernel/windows.ts'
import { type LoginRequest, oauth } from '../../src/oauth/index.ts'
import type { OAuthOptions } from '../../src/oauth/options.ts'
import {
  type AuthorizationServer,
  createAuthorizationServer,
} from '../../src/testing/authorization/server.ts'
import type { AuthClient, AuthClientOptions, JwtClaims } from '../../src/types.ts'
import { ORIGIN } from './server.ts'
import { createWorld, type World } from './world.ts'

/** A page of an app that logs in at an authorization server, and the browser that it is shown in. */
export interface OAuthPage {
  readonly world: World
  readonly client: AuthClient<JwtClaims, any, LoginRequest | undefined>
  readonly idp: AuthorizationServer
  /** Path, query and fragment that the address bar shows. */
  address: string
  /** Every address that the page has left for, in its order. */
  readonly left: string[]
}

export interface OAuthPageOptions {
  /** Path, query and fragment. @default '/app' */
  at?: string
  oauth?: Partial<OAuthOptions>
  options?: AuthClientOptions
  idp?: AuthorizationServer
  /** The page that this tab showed before, or another tab of the browser: the server is the same, too. */
  before?: OAuthPage
  tab?: OAuthPage
  /** Where the address bar is kept. @default in a variable */
  bar?: { read(): string; write(local: string): void }
}

const localOf = (address: string): string => {
  const { pathname, search, hash } = new URL(address, ORIGIN)
  return pathname + search + hash
}

/** Opens the app there: each call is a page load. */
export function openPage(given: OAuthPageOptions = {}): OAuthPage {
  const from = given.before ?? given.tab
  const idp =
    given.idp ??
    from?.idp ??
    createAuthorizationServer({ api: { 'GET /items': { items: [1] } }, baseUrl: ORIGIN })
  let shown = ''
  const bar = given.bar ?? {
    read: () => shown,
    write: local => {
      shown = local
    },
  }
  bar.write(localOf(given.at ?? '/app'))
  const left: string[] = []
  let opened: World | undefined
  const windows: Windows = {
    href: () => ORIGIN + bar.read(),
    replace: url => bar.write(localOf(url)),
    assign: url => void left.push(url),
    open: () => null,
    close() {},
    hasFocus: () => true,
    frame: () => () => {},
    storedNames: () => [...((opened ?? from?.world)?.storage.keys() ?? [])],
    hasCrypto: () => true,
  }
  const options: AuthClientOptions = {
    ...oauth({ issuer: idp.issuer, clientId: 'spa', scope: 'openid offline_access', ...given.oauth }),
    baseUrl: ORIGIN,
    fetch: idp.fetch,
    ...given.options,
  }
  const place = given.before ? { before: given.before.world } : given.tab ? { browser: given.tab.world } : {}
  given.before?.world.close()
  const world = createWorld({ ...place, options, windows })
  opened = world
  return {
    world,
    client: world.client,
    idp,
    get address() {
      return bar.read()
    },
    set address(local) {
      bar.write(local)
    },
    left,
  }
}

/** The user logs in at the server that the page has left for: settles with the page that the browser comes back to. */
export async function comeBack(page: OAuthPage, given: OAuthPageOptions = {}): Promise<OAuthPage> {
  const { href } = await page.idp.authorize(page.left.at(-1) ?? '')
  return openPage({ ...given, before: page, at: localOf(href) })
}
