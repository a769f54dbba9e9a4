import { type AuthClientOptions, createAuthClient, isAuthError } from 'silent-refresh'

export interface FrameAccount {
  origin: string
  /** What became of each way to create a client: `created`, or the code and the message of the error. */
  created: Record<string, string>
  /** Of one that was created, with this `baseUrl`. */
  steps: unknown[]
}

// The script's address: the document may have none.
const { origin } = new URL(import.meta.url)

function create(options: AuthClientOptions): string {
  try {
    createAuthClient({ restore: 'manual', ...options }).dispose()
    return 'created'
  } catch (error) {
    return isAuthError(error) ? `${error.code}: ${error.message}` : String(error)
  }
}

async function live(): Promise<FrameAccount> {
  const isOpaque = self.origin === 'null'
  const auth = createAuthClient({ restore: 'manual', ...(isOpaque && { baseUrl: origin }) })
  const steps = [
    (await auth.login({})).status,
    (await auth.fetch('/items')).status,
    (await auth.fetch('/elsewhere')).status,
    (await auth.logout()).revoked,
  ]
  return {
    origin: self.origin,
    created: {
      'no baseUrl': create({}),
      './api': create({ baseUrl: './api' }),
      '/api': create({ baseUrl: '/api' }),
      absolute: create({ baseUrl: origin }),
    },
    steps,
  }
}

void live().then(
  account => window.parent.postMessage(account, '*'),
  error => window.parent.postMessage({ origin: String(error), created: {}, steps: [] }, '*'),
)
