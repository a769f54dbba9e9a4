import type { Told } from './events.ts'
import { createStaticServer } from './server.ts'
import { createStore } from './store.ts'

/** The part of a service worker that is used here. The types of the DOM have none. */
interface ServiceWorker {
  readonly registration: { readonly scope: string }
  readonly clients: {
    claim(): Promise<void>
    matchAll(): Promise<readonly { postMessage(message: Told): void }[]>
  }
  skipWaiting(): Promise<void>
  addEventListener<Name extends keyof Events>(name: Name, listener: (event: Events[Name]) => void): void
}

interface Lasting {
  waitUntil(work: Promise<unknown>): void
}

interface Events {
  install: Lasting
  activate: Lasting
  message: Lasting
  fetch: Lasting & { readonly request: Request; respondWith(response: Promise<Response>): void }
}

const worker = globalThis as unknown as ServiceWorker
const { scope } = worker.registration
const server = createStaticServer(scope, createStore(scope), told => void tell(told))

async function tell(told: Told): Promise<void> {
  for (const page of await worker.clients.matchAll()) page.postMessage(told)
}

worker.addEventListener('install', event => event.waitUntil(worker.skipWaiting()))
// Also for the page that has registered it, and for one that was loaded past it (with the shift key).
for (const name of ['activate', 'message'] as const) {
  worker.addEventListener(name, event => event.waitUntil(worker.clients.claim()))
}
worker.addEventListener('fetch', event => {
  const answer = server.handle(event.request)
  if (answer) event.respondWith(answer)
})
