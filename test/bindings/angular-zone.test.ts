// @vitest-environment happy-dom
// Which timers count in a zone is tested in test/zones.test.ts.
import 'zone.js' // as in `polyfills` of an app: before Angular
import '@angular/compiler'
import { HttpClient, provideHttpClient, withInterceptors } from '@angular/common/http'
import {
  type ApplicationRef,
  ChangeDetectionStrategy,
  Component,
  inject,
  NgZone,
  provideZoneChangeDetection,
  type Type,
} from '@angular/core'
import { createApplication } from '@angular/platform-browser'
import { bindAuth } from 'silent-refresh/angular'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { ORIGIN } from '../support/server.ts'
import { createWorld, type World } from '../support/world.ts'

let app: ApplicationRef | undefined
let world: World
let components = 0

beforeEach(() => {
  vi.spyOn(console, 'log').mockImplementation(() => {}) // that this is no build for production
  world = createWorld()
})
afterEach(() => {
  app?.destroy()
  document.body.replaceChildren()
  vi.restoreAllMocks()
})

/** Starts an app with zone.js around this component. */
async function start(
  component: Type<unknown>,
  template: string,
  changeDetection: ChangeDetectionStrategy = ChangeDetectionStrategy.OnPush,
): Promise<void> {
  // Angular tells components apart by what they are made of.
  const host = { 'data-number': `${++components}` }
  Component({ selector: 'app-root', template, host, changeDetection })(component)
  document.body.append(document.createElement('app-root'))
  const { authInterceptor } = bindAuth(world.client)
  app = await createApplication({
    providers: [provideZoneChangeDetection(), provideHttpClient(withInterceptors([authInterceptor]))],
  })
  app.bootstrap(component)
}

const shown = () => document.querySelector('app-root')?.textContent
const click = () => document.querySelector('button')!.click()

test('a login and a logout outside of the zone are rendered, where the component is OnPush', async () => {
  const { injectSession } = bindAuth(world.client)
  class Status {
    readonly status = injectSession(session => session.status)
  }
  await start(Status, '{{ status() }}')
  expect(NgZone.isInAngularZone()).toBe(false)
  expect(shown()).toBe('unknown')
  await world.login()
  await vi.waitUntil(() => shown() === 'authenticated')
  await world.client.logout()
  await vi.waitUntil(() => shown() === 'anonymous')
})

test('what an answer to a request changes is rendered, though no signal tells of it', async () => {
  await world.login()
  world.server.revokeAccess()
  class Items {
    readonly #http = inject(HttpClient)
    user = 'nobody'
    load() {
      this.#http.get<{ user: string }>(`${ORIGIN}/items`).subscribe(({ user }) => {
        this.user = user
      })
    }
  }
  await start(Items, '<button (click)="load()">{{ user }}</button>', ChangeDetectionStrategy.Eager)
  click()
  await vi.waitUntil(() => shown() === 'ada')
  expect(world.server.refreshes).toBe(1)
})

test('what a login changes is rendered, though no signal tells of it, and the app becomes stable', async () => {
  const { client } = world
  class Login {
    message = 'nobody'
    logIn() {
      client.login({ email: 'ada', password: 'right' }).then(({ claims }) => {
        this.message = String(claims?.sub)
      })
    }
  }
  await start(Login, '<button (click)="logIn()">{{ message }}</button>', ChangeDetectionStrategy.Eager)
  click()
  await vi.waitUntil(() => shown() === 'ada')
  await app!.whenStable()
})
