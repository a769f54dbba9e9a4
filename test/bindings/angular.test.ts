// @vitest-environment happy-dom
import '@angular/compiler' // as in an app that was not built: what was is linked ahead of time
import {
  HttpClient,
  type HttpErrorResponse,
  type HttpEvent,
  HttpEventType,
  provideHttpClient,
  withInterceptors,
} from '@angular/common/http'
import {
  type ApplicationConfig,
  type ApplicationRef,
  Component,
  computed,
  createEnvironmentInjector,
  type EnvironmentInjector,
  provideZonelessChangeDetection,
  runInInjectionContext,
  type Signal,
  signal,
} from '@angular/core'
import { createApplication } from '@angular/platform-browser'
import { firstValueFrom, lastValueFrom, type Observable, toArray } from 'rxjs'
import { authInterceptor, bindAuth, injectAuth, injectSession, provideAuth } from 'silent-refresh/angular'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { isAuthError } from '../../src/kernel/errors.ts'
import type { Session } from '../../src/types.ts'
import { ORIGIN } from '../support/server.ts'
import { createWorld, signedIn, type World } from '../support/world.ts'
import { expectToFollow } from './stage.ts'
import { watched } from './watched.ts'

let app: ApplicationRef | undefined
/** What Angular has to complain about. */
let complaints: unknown[][]
let renders: number
let components = 0

beforeEach(() => {
  complaints = []
  renders = 0
  vi.spyOn(console, 'log').mockImplementation(() => {}) // that this is no build for production
  for (const method of ['warn', 'error'] as const) {
    vi.spyOn(console, method).mockImplementation((...words) => complaints.push(words))
  }
})

afterEach(() => {
  leave()
  document.body.replaceChildren()
  vi.restoreAllMocks()
  expect(complaints).toEqual([])
})

function leave(): void {
  app?.destroy()
  app = undefined
}

async function startWith(...providers: ApplicationConfig['providers']): Promise<EnvironmentInjector> {
  app = await createApplication({ providers: [provideZonelessChangeDetection(), ...providers] })
  return app.injector
}

const start = (client: World['client']): Promise<EnvironmentInjector> =>
  startWith(provideAuth(client), provideHttpClient(withInterceptors([authInterceptor])))

/** The app's one component shows what the function answers, and counts how often that is asked for. */
const show = (client: World['client'], use: () => Signal<unknown>): Promise<void> =>
  showWith(use, provideAuth(client))

async function showWith(
  use: () => Signal<unknown>,
  ...providers: ApplicationConfig['providers']
): Promise<void> {
  class Shown {
    readonly value = use()
    show(value: unknown): string {
      renders++
      return JSON.stringify(value)
    }
  }
  // Angular tells components apart by what they are made of.
  const host = { 'data-number': `${++components}` }
  Component({ selector: 'app-root', template: '<p>{{ show(value()) }}</p>', host })(Shown)
  document.body.append(document.createElement('app-root'))
  await startWith(...providers)
  app?.bootstrap(Shown)
  await app?.whenStable()
}

const status = (session: Session) => session.status
const shown = () => document.querySelector('app-root')?.textContent

/** The page shows who signs in and out. */
const expectFollowing = (world: World) =>
  expectToFollow(
    shown,
    async () => {
      await world.login()
      await app?.whenStable()
    },
    async () => {
      await world.client.logout()
      await app?.whenStable()
    },
  )

describe('what is shown', () => {
  test('follows a login and a logout', async () => {
    const world = createWorld()
    await show(world.client, () =>
      injectSession(session => (session.status === 'authenticated' ? session.claims?.sub : session.status)),
    )
    await expectFollowing(world)
  })

  test('is the whole session where nothing is selected, and a refresh shows its new end', async () => {
    const world = await signedIn()
    await show(world.client, () => injectSession())
    const before = shown()
    world.clock.tick(1000)
    await world.client.refresh()
    await app?.whenStable()
    expect(shown()).not.toBe(before)
    expect(shown()).toBe(JSON.stringify(world.client.session))
  })

  test('a refresh renders nobody again who does not show it', async () => {
    const world = await signedIn()
    await show(world.client, () => injectSession(status))
    const { session } = world.client
    const before = renders
    world.clock.tick(1000)
    await world.client.refresh()
    await app?.whenStable()
    expect(world.client.session).not.toBe(session)
    expect(renders).toBe(before)
  })

  test('a selector may read signals', async () => {
    const world = await signedIn()
    const key = signal<'status' | 'error'>('status')
    await show(world.client, () =>
      injectSession(session => (session.status === 'authenticated' ? session[key()] : undefined)),
    )
    expect(shown()).toBe('"authenticated"')
    key.set('error')
    await app?.whenStable()
    expect(shown()).toBe('null')
  })
})

describe('the client', () => {
  test('injectAuth returns the client that was provided', async () => {
    const world = createWorld()
    const injector = await start(world.client)
    expect(runInInjectionContext(injector, injectAuth)).toBe(world.client)
  })

  test('without a provider the error says what is missing', async () => {
    const injector = await startWith()
    expect(() => runInInjectionContext(injector, injectAuth)).toThrow('provideAuth(client)')
  })

  test('destroying leaves no listener, and the client alive', async () => {
    const world = await signedIn()
    const spied = watched(world)
    await show(spied.client, () => injectSession(status))
    expect(spied.listeners).toBe(1)
    leave()
    expect(spied.listeners).toBe(0)
    expect(await world.client.getAccessToken()).not.toBeNull()
  })

  test('outside of components it ends with its injector', async () => {
    const world = await signedIn()
    const spied = watched(world)
    const injector = createEnvironmentInjector([], await start(spied.client))
    const session = runInInjectionContext(injector, () => injectSession(status))
    await world.client.logout()
    expect(session()).toBe('anonymous')
    injector.destroy()
    expect(spied.listeners).toBe(0)
  })
})

describe('the functions of one client', () => {
  test('need no provider, and follow a login and a logout', async () => {
    const world = createWorld()
    const bound = bindAuth(world.client)
    await showWith(() => bound.injectSession(session => session.claims?.sub ?? session.status))
    await expectFollowing(world)
  })

  test('return that client and its whole session, whatever client is provided', async () => {
    const [ada, nobody] = [await signedIn(), createWorld()]
    const bound = bindAuth(ada.client)
    await showWith(() => {
      const [whole, other] = [bound.injectSession(), injectSession(status)]
      return computed(() => [whole(), other()])
    }, provideAuth(nobody.client))
    expect(bound.injectAuth()).toBe(ada.client)
    expect(shown()).toBe(JSON.stringify([ada.client.session, 'unknown']))
  })

  test('re-render nothing when a refresh does not change the selected value, and end with the app', async () => {
    const world = await signedIn()
    const spied = watched(world)
    await showWith(() => bindAuth(spied.client).injectSession(status))
    expect(spied.listeners).toBe(1)
    const before = renders
    world.clock.tick(1000)
    await world.client.refresh()
    await app?.whenStable()
    expect(renders).toBe(before)
    leave()
    expect(spied.listeners).toBe(0)
  })

  test('send requests of HttpClient through that client', async () => {
    const world = await signedIn()
    const interceptors = withInterceptors([bindAuth(world.client).authInterceptor])
    const injector = await startWith(provideHttpClient(interceptors))
    world.server.revokeAccess()
    const items = injector.get(HttpClient).get(`${ORIGIN}/items`)
    expect(await firstValueFrom(items)).toMatchObject({ user: 'ada' })
    expect(world.server.refreshes).toBe(1)
  })
})

describe('HttpClient', () => {
  let world: World
  let http: HttpClient

  beforeEach(async () => {
    world = await signedIn()
    http = (await start(world.client)).get(HttpClient)
  })

  const items = `${ORIGIN}/items`
  const last = () => world.server.calls.at(-1)!
  const failureOf = (request: Observable<unknown>): Promise<HttpErrorResponse> =>
    lastValueFrom(request).then(
      () => Promise.reject(new Error('it did not fail')),
      failure => failure,
    )

  test('a call carries the bearer, its own headers, parameters and body', async () => {
    const options = { params: { page: 2 }, headers: { 'X-Own': ['one', 'two'] } }
    const answer = await firstValueFrom(http.post(items, { title: 'one' }, options))
    expect(answer).toEqual({ user: 'ada', method: 'POST', text: '{"title":"one"}' })
    expect(last().authorization).toMatch(/^Bearer ey/)
    expect(last().headers.get('x-own')).toMatch(/^one, ?two$/)
    expect(last().headers.get('content-type')).toBe('application/json')
    expect(last().headers.get('accept')).toBe('application/json, text/plain, */*')
  })

  test('a token that the server takes for dead is refreshed once for all, and each call sent again', async () => {
    world.server.revokeAccess()
    const texts = ['one', 'two', 'three']
    const answers = await Promise.all(texts.map(text => firstValueFrom(http.put<any>(items, { text }))))
    expect(answers.map(({ text }) => text)).toEqual(texts.map(text => JSON.stringify({ text })))
    expect(world.server.refreshes).toBe(1)
    expect(world.server.count('/items')).toBe(6)
  })

  test('after a final rejection the caller gets the 401, and the user is signed out', async () => {
    world.server.revokeAll()
    const failure = await failureOf(http.get(items))
    expect([failure.name, failure.status]).toEqual(['HttpErrorResponse', 401])
    expect(failure.error).toEqual({ error: 'unauthorized' })
    expect(failure.headers.get('www-authenticate')).toContain('invalid_token')
    await world.settle()
    expect(world.client.session.status).toBe('anonymous')
  })

  test('an outage of the refresh is none of the API: no status, and the error of the client', async () => {
    world.server.revokeAccess()
    world.server.answer('POST /refresh_token', () => world.server.json({}, 404))
    const failure = await failureOf(http.get(items))
    expect([failure.name, failure.status]).toEqual(['HttpErrorResponse', 0])
    expect(isAuthError(failure.error) && failure.error.code).toBe('refresh_unavailable')
  })

  test('an error of the API keeps its status, even where its body looks like ours', async () => {
    const body = { name: 'AuthError', code: 'nonsense' }
    world.server.answer('/items', () => world.server.json(body, 409))
    const failure = await failureOf(http.get(items))
    expect([failure.status, failure.error]).toEqual([409, body])
  })

  test('what is no JSON fails with the status that it came with', async () => {
    world.server.answer('/items', () => new Response('<html>'))
    const failure = await failureOf(http.get(items))
    expect([failure.status, failure.error.name]).toEqual([200, 'SyntaxError'])
  })

  test('signed out, calls go out without a token', async () => {
    await world.client.logout()
    await failureOf(http.get(items))
    expect(last().authorization).toBeNull()
  })

  test('a stranger never sees the token', async () => {
    await failureOf(http.get('https://stranger.example.org/items'))
    expect(last().path).toBe('/items')
    expect(last().authorization).toBeNull()
  })

  test('text, bytes and blobs come as asked', async () => {
    world.server.answer('/items', () => new Response('pong', { headers: { 'Content-Type': 'text/x-pong' } }))
    expect(await firstValueFrom(http.get(items, { responseType: 'text' }))).toBe('pong')
    const bytes = await firstValueFrom(http.get(items, { responseType: 'arraybuffer' }))
    expect(new TextDecoder().decode(bytes)).toBe('pong')
    const blob = await firstValueFrom(http.get(items, { responseType: 'blob' }))
    expect([await blob.text(), blob.type]).toEqual(['pong', 'text/x-pong'])
  })

  test('cookies go along where the request says so', async () => {
    await firstValueFrom(http.get(items, { withCredentials: true }))
    expect(last().credentials).toBe('include')
  })

  test('progress of the answer is reported', async () => {
    const all = http.get(items, { observe: 'events', reportProgress: true }).pipe(toArray())
    const types = (await lastValueFrom<HttpEvent<unknown>[]>(all)).map(({ type }) => type)
    expect(types[0]).toBe(HttpEventType.Sent)
    expect(types).toContain(HttpEventType.DownloadProgress)
    expect(types.at(-1)).toBe(HttpEventType.Response)
  })

  test('unsubscribing aborts the request', async () => {
    const open = world.server.hold('/items')
    const subscription = http.get(items).subscribe()
    await world.settle()
    expect(world.server.held).toBe(1)
    subscription.unsubscribe()
    await world.settle()
    expect(world.server.held).toBe(0)
    open()
  })
})
