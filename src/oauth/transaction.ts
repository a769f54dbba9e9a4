import type { Environment } from '../kernel/environment.ts'
import { AuthError } from '../kernel/errors.ts'
import type { Kernel } from '../kernel/feature.ts'
import { hasOnly } from '../kernel/own.ts'
import type { Windows } from '../kernel/windows.ts'
import type { Config } from './options.ts'

/** What a login, or a logout, needs again when the browser comes back from the authorization server. */
export interface Transaction {
  readonly how: 'redirect' | 'popup' | 'frame' | 'logout'
  /** When it began, epoch milliseconds. */
  readonly at: number
  /** Where the page goes then: path, query and fragment. */
  readonly returnTo: string
  /** The page that the server was told to send the browser to. Absolute. */
  readonly redirectUri: string
  /** The code verifier (RFC 7636 §4.1). */
  readonly verifier?: string | undefined
  readonly nonce?: string | undefined
  readonly maxAge?: number | undefined
  /** The `acr_values` and the scopes of a challenge: an answer with less is refused. */
  readonly acr?: string | undefined
  readonly scope?: string | undefined
  /** The id of the key that the tokens will be bound to. */
  readonly key?: string | undefined
}

/** A login or logout that was completed. Its address can be opened again, so the page to return to is kept. */
interface Used {
  readonly how: 'used'
  readonly at: number
  readonly returnTo: string
  readonly redirectUri: string
}

/**
 * The logins and logouts that are under way. In localStorage, since another tab may complete a login (a link in an e-mail),
 * and since a duplicated tab must see that an answer was used. In sessionStorage where localStorage is blocked. Each has
 * a key of its own, so tabs do not overwrite each other's.
 */
export interface Transactions {
  /** @throws AuthError `unsupported` where there is no storage: the answer could not be read later */
  put(state: string, transaction: Transaction): void
  /** `null`: none of this client, or too old. */
  peek(state: string): Transaction | Used | null
  /** For one use, under the lock: leaves a mark in its place. `null`: it is gone, or was used. */
  take(state: string): Transaction | null
  /** Removes those that are too old. */
  sweep(): void
}

/** How long a login may take, and how long the mark of a used one is kept. */
const LIFE = 10 * 60_000
/** A user who begins again and again leaves no more than so many. */
const MOST = 20
const PREFIX = 'silent-refresh:oauth:'

const NUMBERS = ['v', 'at', 'maxAge']
const REQUIRED_TEXTS = ['client', 'how', 'returnTo', 'redirectUri']
const TEXTS = [...REQUIRED_TEXTS, 'verifier', 'nonce', 'acr', 'scope', 'key']

type Needs = Pick<Kernel, 'settings' | 'environment'>

export function createTransactions(kernel: Needs, windows: Windows, config: Config): Transactions {
  const { environment, settings } = kernel
  const client = `${config.issuerName} ${config.clientId}`
  const keyOf = (state: string) => `${PREFIX}${settings.sessionKey}:${state}`
  const storages = ['localStorage', 'sessionStorage'] as const
  type Stored = ReturnType<Environment[(typeof storages)[number]]>

  function attempt<T>(use: () => T): T | undefined {
    try {
      return use()
    } catch {
      return undefined // blocked, or full
    }
  }

  function parse(text: string | null | undefined): ((Transaction | Used) & { client: string }) | null {
    const value = attempt(() => JSON.parse(text ?? 'null'))
    const isShaped =
      hasOnly(value, ...NUMBERS, ...TEXTS) &&
      value.v === 1 &&
      REQUIRED_TEXTS.every(name => value[name] !== undefined) &&
      Object.keys(value).every(name => typeof value[name] === (NUMBERS.includes(name) ? 'number' : 'string'))
    return isShaped && Math.abs(environment.now() - value.at) < LIFE ? value : null
  }

  const write = (storage: Stored, state: string, value: Transaction | Used) =>
    storage.setItem(keyOf(state), JSON.stringify({ v: 1, client, ...value }))

  /** The storage that has it, and the stored value. */
  function find(state: string): { storage: Stored; found: Transaction | Used } | null {
    for (const where of storages) {
      const storage = attempt(() => environment[where]())
      const found = parse(attempt(() => storage?.getItem(keyOf(state))))
      if (storage && found?.client === client) return { storage, found }
    }
    return null
  }

  /** Removes those that are too old. With `newest`, which was just written, also those beyond the limit. */
  function sweep(newest?: string): void {
    for (const where of storages) {
      attempt(() => {
        const storage = environment[where]()
        const live: { name: string; at: number }[] = []
        for (const name of windows.storedNames(where)) {
          if (!name.startsWith(PREFIX) || name === newest) continue
          const at = parse(storage.getItem(name))?.at
          if (at === undefined) storage.removeItem(name)
          else live.push({ name, at })
        }
        live.sort((a, b) => b.at - a.at)
        if (newest) for (const { name } of live.slice(MOST - 1)) storage.removeItem(name)
      })
    }
  }

  return {
    sweep: () => sweep(),
    put(state, transaction) {
      const isStored = storages.some(where =>
        attempt(() => {
          write(environment[where](), state, transaction)
          return true
        }),
      )
      sweep(keyOf(state))
      if (isStored) return
      throw new AuthError('unsupported', 'The browser blocks its storage, which a login needs.')
    },
    peek: state => find(state)?.found ?? null,
    take(state) {
      const place = find(state)
      if (!place || place.found.how === 'used') return null
      const { at, returnTo, redirectUri } = place.found
      // If that fails, the server still refuses a code that was used.
      attempt(() => write(place.storage, state, { how: 'used', at, returnTo, redirectUri }))
      return place.found
    },
  }
}
