import type { Environment } from './environment.ts'
import type { Settings } from './settings.ts'

/** How many verdicts are remembered, each about one whole string. */
const REMEMBERED = 256
const LONG = 1_024

/**
 * Returns the absolute URL if the token may be sent there, else `null`. The URL is read once, as `fetch` would read it, and the
 * request goes to the result.
 */
export function createUrlJudge(
  { allowedOrigins, log }: Settings,
  environment: Environment,
): (url: string | URL) => string | null {
  const verdicts = new Map<string, string | null>()
  let base: string | undefined

  function judge(url: string): string | null {
    try {
      const { protocol, origin, href, username, password } = new URL(url, base)
      // The origin of a `blob:` URL is its maker's: the scheme has to be looked at too.
      if (protocol !== 'https:' && protocol !== 'http:') return null
      // `fetch` refuses a URL with a password, and a logger must not see one.
      if (username || password) return null
      if (allowedOrigins.has(origin)) return href
      log({ type: 'origin-not-allowed', origin })
      return null
    } catch {
      return null // fetch itself says what is wrong with it
    }
  }

  return url => {
    const text = String(url)
    const current = environment.baseURI()
    if (current !== base || verdicts.size >= REMEMBERED) verdicts.clear()
    base = current
    let verdict = verdicts.get(text)
    if (verdict === undefined) {
      verdict = judge(text)
      if (text.length < LONG) verdicts.set(text, verdict)
    }
    return verdict
  }
}
