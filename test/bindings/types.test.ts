import '@angular/compiler'
import { injectAuth, injectSession, provideAuth } from 'silent-refresh/angular'
import * as react from 'silent-refresh/react'
import * as solid from 'silent-refresh/solid'
import { sessionStore, useSession } from 'silent-refresh/svelte'
import * as vue from 'silent-refresh/vue'
import { expectTypeOf, test } from 'vitest'
import { createAuthClient as createCore } from '../../src/core.ts'
import { createAuthClient } from '../../src/index.ts'
import type { AuthClient, JwtClaims, Session } from '../../src/types.ts'

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
