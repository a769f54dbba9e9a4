import '@angular/compiler'
import { bindAuth, injectAuth, injectSession, provideAuth } from 'silent-refresh/angular'
import * as react from 'silent-refresh/react'
import * as solid from 'silent-refresh/solid'
import * as svelte from 'silent-refresh/svelte'
import { sessionStore, useSession } from 'silent-refresh/svelte'
import { createTestBrowser, createTestClient } from 'silent-refresh/testing/core'
import * as vue from 'silent-refresh/vue'
import { describe, expectTypeOf, test } from 'vitest'
import { z } from 'zod'
import { createAuthClient as createCore, shareTabs } from '../../src/core.ts'
import { createAuthClient } from '../../src/index.ts'
import type { AuthErrorCode } from '../../src/kernel/errors.ts'
import type { AuthClient, EndpointContext, JwtClaims, Session } from '../../src/types.ts'

interface Claims {
  sub: string
  role: 'admin' | 'guest'
}
interface User {
  name: string
}

// What the compiler says; nothing of it is run.
const auth = createAuthClient<Claims, User>({ restore: 'manual', tabs: false })
const core = createCore<Claims, User>({ restore: 'manual', tabs: false })
type App = Session<Claims, User>

const roleOf = (session: typeof auth.session) =>
  session.status === 'authenticated' ? session.claims?.role : null
type Role = 'admin' | 'guest' | null | undefined

test('a client of either entry fits, whatever its claims and user', () => {
  for (const client of [auth, core]) {
    expectTypeOf(react.AuthProvider).toBeCallableWith({ client })
    expectTypeOf(solid.AuthProvider).toBeCallableWith({ client })
    expectTypeOf(vue.createAuth).toBeCallableWith(client)
    expectTypeOf(provideAuth).toBeCallableWith(client)
  }
})

test('useAuth is the core client until told which one', () => {
  expectTypeOf(useClients).returns.toBeVoid()
})

test('RequireAuth has to be told what it shows instead of another login', () => {
  const error: react.RequireAuthProps['error'] = ({ code, message }, login) => {
    expectTypeOf(code).toEqualTypeOf<AuthErrorCode>()
    expectTypeOf(login).toEqualTypeOf<() => void>()
    return message
  }
  const bound = () => react.createAuthHooks(core).RequireAuth
  expectTypeOf(react.RequireAuth).toBeCallableWith({ error })
  expectTypeOf(bound).returns.toBeCallableWith({ error, fallback: 'One moment', children: 'Items' })
  // @ts-expect-error nothing is shown after a logout, or after a login that failed
  void (() => react.RequireAuth({ fallback: 'One moment' }))
})

test('useSession knows claims and user where it is told, or where the selector says', () => {
  expectTypeOf(useSessions).returns.toBeVoid()
})

test('where the client is handed in, its types come along', () => {
  expectTypeOf(useSession(auth).current).toEqualTypeOf<App>()
  expectTypeOf(useSession(core, session => session.status).current).toEqualTypeOf<Session['status']>()
  expectTypeOf(sessionStore(auth).subscribe).parameter(0).toBeCallableWith(auth.session)
  const role = useSession(auth, session => (session.status === 'authenticated' ? session.claims?.role : null))
  expectTypeOf(role.current).toEqualTypeOf<Role>()
})

test('claims, user and expiry of a session can be read before its status is known', () => {
  expectTypeOf<App['user']>().toEqualTypeOf<User | null | undefined>()
  expectTypeOf<App['claims']>().toEqualTypeOf<Claims | null | undefined>()
  expectTypeOf<App['expiresAt']>().toEqualTypeOf<number | null | undefined>()
})

describe('what is bound to a client knows its types, with no annotation', () => {
  interface Form {
    email: string
  }
  const claims = z.object({ sub: z.string(), role: z.enum(['admin', 'guest']) })
  const userSchema = z.object({ name: z.string() })
  const login = ({ credentials }: EndpointContext<Form>) => ({ url: '/login', json: credentials })

  const { createAuthHooks } = react
  type Hooks = react.AuthHooks<AuthClient<unknown, unknown>>
  type SessionOf<Bound extends Hooks> = ReturnType<ReturnType<Bound['useAuth']>['ready']>
  type CredentialsOf<Bound extends Hooks> = Parameters<ReturnType<Bound['useAuth']>['login']>[0]

  test('the user of "userSchema"', () => {
    const main = () => createAuthHooks(createAuthClient({ userSchema })).useSession
    const shared = () => createAuthHooks(createCore({ userSchema, tabs: shareTabs() })).useSession
    for (const use of [main, shared]) {
      const name = () => use()(session => session.user?.name)
      expectTypeOf(name).returns.toEqualTypeOf<string | undefined>()
      expectTypeOf(() => use()()).returns.toEqualTypeOf<Session<JwtClaims, User>>()
      // @ts-expect-error the user has no such member
      void (() => use()(session => session.user?.nick))
    }
  })

  test('the claims of "claims"', () => {
    const main = () => createAuthHooks(createAuthClient({ claims })).useSession
    const shared = () => createAuthHooks(createCore({ claims, tabs: shareTabs() })).useSession
    for (const use of [main, shared]) {
      const role = () => use()(session => session.claims?.role)
      expectTypeOf(role).returns.toEqualTypeOf<'admin' | 'guest' | undefined>()
      expectTypeOf(() => use()()).returns.toEqualTypeOf<Session<Claims, unknown>>()
      // @ts-expect-error the token has no such claim
      void (() => use()(session => session.claims?.tenant))
    }
  })

  test('the credentials of "endpoints.login"', () => {
    const main = () => createAuthHooks(createAuthClient({ endpoints: { login } }))
    const shared = () => createAuthHooks(createCore({ endpoints: { login }, tabs: shareTabs() }))
    expectTypeOf<CredentialsOf<ReturnType<typeof main>>>().toEqualTypeOf<Form | undefined>()
    expectTypeOf<CredentialsOf<ReturnType<typeof shared>>>().toEqualTypeOf<Form | undefined>()
    // @ts-expect-error these are no such credentials
    void (() => main().useAuth().login({ mail: 'ada' }))
    // @ts-expect-error these are no such credentials
    void (() => shared().useAuth().login({ mail: 'ada' }))
  })

  test('all three together, of each entry and of the testing kit', () => {
    const options = { claims, userSchema, endpoints: { login } }
    const makers = {
      main: () => createAuthHooks(createAuthClient(options)),
      shared: () => createAuthHooks(createCore({ ...options, tabs: shareTabs() })),
      alone: () => createAuthHooks(createCore({ ...options, tabs: false })),
      server: () => createAuthHooks(createCore({ ...options, server: true })),
      tab: () => createAuthHooks(createTestBrowser().openTab(options)),
      tested: async () => createAuthHooks(await createTestClient({ ...options, session: 'anonymous' })),
      seeded: async () => {
        const user = { name: 'Ada' }
        const session = { status: 'authenticated', claims: { role: 'admin' }, user } as const
        return createAuthHooks(await createTestClient({ ...options, session }))
      },
    }
    type Made = Awaited<ReturnType<(typeof makers)[keyof typeof makers]>>
    type Each<Bound> = Bound extends Hooks ? [Awaited<SessionOf<Bound>>, CredentialsOf<Bound>] : never
    expectTypeOf<Each<Made>>().toEqualTypeOf<[App, Form | undefined]>()
  })

  test('explicit type arguments switch inference off', () => {
    const main = () => createAuthHooks(createAuthClient<Claims, User>({ endpoints: { user: '/me' } }))
    const shared = () => createAuthHooks(createCore<Claims, User>({ tabs: shareTabs() }))
    const tested = async () => createAuthHooks(await createTestClient<Claims, User>())
    type Bound = ReturnType<typeof main> | ReturnType<typeof shared> | Awaited<ReturnType<typeof tested>>
    expectTypeOf<CredentialsOf<Bound>>().toEqualTypeOf<unknown>()
    expectTypeOf<Awaited<SessionOf<Bound>>>().toEqualTypeOf<App>()
    // @ts-expect-error its credentials are not what was said
    void (() => createAuthHooks(createCore<Claims, User>({ tabs: shareTabs(), endpoints: { login } })))
    // @ts-expect-error its credentials are not what was said
    void (() => createTestClient<Claims, User>({ endpoints: { login } }))
    // @ts-expect-error its claims are not what was said
    void (() => createTestClient<{ tenant: string }, User>({ claims }))
  })

  test('in every binding', () => {
    const client = () => createAuthClient({ claims, userSchema, endpoints: { login }, tabs: false })
    type Client = ReturnType<typeof client>
    const all = () => {
      const inVue = vue.bindAuth(client())
      const inSolid = solid.createAuthHooks(client())
      const inAngular = bindAuth(client())
      const inSvelte = svelte.bindAuth(client())
      expectTypeOf(createAuthHooks(client()).useAuth()).toEqualTypeOf<Client>()
      expectTypeOf(inVue.useAuth()).toEqualTypeOf<Client>()
      expectTypeOf(inSolid.useAuth()).toEqualTypeOf<Client>()
      expectTypeOf(inAngular.injectAuth()).toEqualTypeOf<Client>()
      expectTypeOf(inVue.useSession().value).toEqualTypeOf<App>()
      expectTypeOf(inSolid.useSession()()).toEqualTypeOf<App>()
      expectTypeOf(inAngular.injectSession()()).toEqualTypeOf<App>()
      expectTypeOf(inSvelte.useSession().current).toEqualTypeOf<App>()
      const name = [
        inVue.useSession(session => session.user?.name).value,
        inSolid.useSession(session => session.user?.name)(),
        inAngular.injectSession(session => session.user?.name)(),
        inSvelte.useSession(session => session.user?.name).current,
      ] as const
      expectTypeOf(name).toEqualTypeOf<readonly [Name, Name, Name, Name]>()
      type Name = string | undefined
      const names = inSvelte.sessionStore(session => session.user?.name)
      expectTypeOf(names.subscribe).parameter(0).parameter(0).toEqualTypeOf<Name>()
    }
    expectTypeOf(all).returns.toBeVoid()
  })
})

function useClients() {
  expectTypeOf(react.useAuth()).toEqualTypeOf<AuthClient>()
  expectTypeOf(react.useAuth<typeof auth>()).toEqualTypeOf<typeof auth>()
  expectTypeOf(vue.useAuth()).toEqualTypeOf<AuthClient>()
  expectTypeOf(vue.useAuth<typeof auth>()).toEqualTypeOf<typeof auth>()
  expectTypeOf(solid.useAuth()).toEqualTypeOf<AuthClient>()
  expectTypeOf(solid.useAuth<typeof auth>()).toEqualTypeOf<typeof auth>()
  expectTypeOf(injectAuth()).toEqualTypeOf<AuthClient>()
  expectTypeOf(injectAuth<typeof auth>()).toEqualTypeOf<typeof auth>()
}

function useSessions() {
  expectTypeOf(react.useSession()).toEqualTypeOf<Session<JwtClaims, unknown>>()
  expectTypeOf(react.useSession<Claims, User>()).toEqualTypeOf<App>()
  expectTypeOf(react.useSession(roleOf)).toEqualTypeOf<Role>()
  expectTypeOf(react.useSession(session => session.status)).toEqualTypeOf<Session['status']>()
  expectTypeOf(vue.useSession<Claims, User>().value).toEqualTypeOf<App>()
  expectTypeOf(vue.useSession(roleOf).value).toEqualTypeOf<Role>()
  expectTypeOf(solid.useSession<Claims, User>()()).toEqualTypeOf<App>()
  expectTypeOf(solid.useSession(roleOf)()).toEqualTypeOf<Role>()
  expectTypeOf(injectSession<Claims, User>()()).toEqualTypeOf<App>()
  expectTypeOf(injectSession(roleOf)()).toEqualTypeOf<Role>()
}
