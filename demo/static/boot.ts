import './static.css'
import { WorkerEvents } from './events.ts'

/** They need a real server. What else does is hidden by static.css: the page's own script looks for it. */
const MISSING_MODES = ['cookie', 'sliding', 'oauth']

const WORDS = [
  'This page has no server. A service worker of your browser plays it, with the fake auth server of silent-refresh/testing.',
  'Left out are the comparison, the stolen refresh token, the signing key and three modes. They are in “npm run demo”.',
].join(' ')

/** First in the page, in place of its own script: that one needs a server. */
async function boot(): Promise<void> {
  for (const mode of MISSING_MODES) document.querySelector(`#mode option[value="${mode}"]`)?.remove()
  note(WORDS)
  if (!('serviceWorker' in navigator)) {
    note('It does not work here: this browser has no service workers, or the page came over plain http.')
    return
  }
  try {
    await controlled()
    Object.assign(globalThis, { fetch: throughWorker(fetch), EventSource: WorkerEvents })
    await import('../app/main.ts')
  } catch (error) {
    note(`It does not work here: ${error instanceof Error ? error.message : error}`)
  }
}

/** Settles when the worker gets what this page sends. */
async function controlled(): Promise<void> {
  const { serviceWorker } = navigator
  const url = new URL('worker.js', document.baseURI).href
  // A worker of the whole host is another one.
  const isOurs = () => serviceWorker.controller?.scriptURL === url
  const hasCome = new Promise<void>(resolve => {
    serviceWorker.addEventListener('controllerchange', () => {
      if (isOurs()) resolve()
    })
  })
  await serviceWorker.register(trusted(url), { updateViaCache: 'none' })
  const { active } = await serviceWorker.ready
  if (isOurs()) return
  active?.postMessage('claim')
  await hasCome
}

/** Firefox sends a request with `keepalive` past the worker. The worker outlives the page without it. */
const throughWorker =
  (native: typeof fetch): typeof fetch =>
  (input, init) =>
    native(input, { ...init, keepalive: false })

interface TrustedTypes {
  createPolicy(
    name: string,
    rules: { createScriptURL(url: string): string },
  ): {
    createScriptURL(url: string): string
  }
}

/** The page's own policy wants it to be marked as trusted, where the browser knows of that. */
function trusted(url: string): string {
  const { trustedTypes } = globalThis as { trustedTypes?: TrustedTypes }
  return trustedTypes?.createPolicy('worker', { createScriptURL: given => given }).createScriptURL(url) ?? url
}

function note(words: string): void {
  const paragraph = document.createElement('p')
  paragraph.className = 'static-note'
  paragraph.textContent = words
  const intro = document.querySelector('.intro') ?? document.querySelector('main')
  intro?.append(paragraph)
}

void boot()
