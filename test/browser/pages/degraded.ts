import { createAuthClient, isAuthError, type LogEvent } from 'silent-refresh'

export interface Account {
  origin: string
  secure: boolean
  /** What became of each step: a status, of the session or of an answer, or an error's code. */
  steps: unknown[]
  /** Of the `tabs-degraded` events, in their order. */
  missing: string[]
  uncaught: string[]
}

declare global {
  interface Window {
    account: Promise<Account>
  }
}

const uncaught: string[] = []
window.addEventListener('error', event => uncaught.push(String(event.message)))
window.addEventListener('unhandledrejection', event => uncaught.push(String(event.reason)))

// From the script's address: that of the document may be `data:`.
const { origin, searchParams } = new URL(import.meta.url)
for (const name of searchParams.getAll('without')) {
  if (name === 'locks') Object.defineProperty(navigator, 'locks', { value: undefined })
  if (name === 'channel') Object.assign(window, { BroadcastChannel: undefined })
}

/** The whole life of one client, in a place where something is missing; told to the page around it. */
async function live(): Promise<Account> {
  const events: LogEvent[] = []
  const steps: unknown[] = []
  const step = async (name: string, work: () => unknown) => {
    try {
      steps.push(`${name}: ${await work()}`)
    } catch (error) {
      steps.push(`${name}: ${isAuthError(error) ? error.code : error}`)
    }
  }

  const auth = createAuthClient({ baseUrl: origin, logger: event => events.push(event) })
  const call = async () => (await auth.fetch(`${origin}/items`)).status
  await step('ready', async () => (await auth.ready()).status)
  await step('login', async () => (await auth.login({ email: 'ada' })).status)
  await step('fetch', call)
  await step('refresh', async () => (await auth.refresh()).status)
  await step('fetch', call)
  await step('setTokens', async () => (await auth.setTokens({ accessToken: 'from-elsewhere' })).status)
  await step('fetch', call)
  await step('logout', async () => (await auth.logout()).revoked)
  await step('fetch', call)

  const missing = events.flatMap(event => (event.type === 'tabs-degraded' ? event.missing : []))
  return { origin: self.origin, secure: isSecureContext, steps, missing, uncaught }
}

window.account = live()
void window.account.then(account => window.parent.postMessage(account, '*'))
