import { invalid } from '../../kernel/errors.ts'

/** What a test can spoil in the next answer. */
export interface Tampered {
  /** The metadata. */
  discovery: Record<string, unknown>
  /** The parameters that the browser is sent back with: `code`, `state`, `iss`, or `error`. */
  authorize: Record<string, unknown>
  /** The JSON of the token endpoint, or of its error. */
  token: Record<string, unknown>
  /** The claims of the id token; one that is left out, or `undefined`, is not in it. */
  idToken: Record<string, unknown>
  /** The claims of the access token. */
  accessToken: Record<string, unknown>
  userinfo: Record<string, unknown>
  /** The JSON of the endpoint for pushed authorization requests. */
  par: Record<string, unknown>
}

export interface Tampering {
  add<Name extends keyof Tampered>(
    name: Name,
    change: (value: Tampered[Name]) => Record<string, unknown>,
  ): void
  /** The value, or what the test makes of it. */
  apply(name: keyof Tampered, value: Record<string, unknown>): Record<string, unknown>
  reset(): void
}

const NAMES = ['discovery', 'authorize', 'token', 'idToken', 'accessToken', 'userinfo', 'par']

export function createTampering(): Tampering {
  let waiting: {
    name: keyof Tampered
    change: (value: Record<string, unknown>) => Record<string, unknown>
  }[] = []

  return {
    add(name, change) {
      if (!NAMES.includes(name)) throw invalid('name', `one of ${NAMES.join(', ')}`)
      if (typeof change !== 'function') throw invalid('change', 'a function')
      waiting.push({ name, change })
    },
    apply(name, value) {
      const next = waiting.find(entry => entry.name === name)
      if (!next) return value
      waiting = waiting.filter(entry => entry !== next)
      return next.change(value)
    },
    reset() {
      waiting = []
    },
  }
}
