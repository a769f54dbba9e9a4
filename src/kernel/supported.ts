/** The first of these that the runtime takes: Cloudflare Workers throw at values that every browser knows. */
export const supported = (...choices: RequestInit[]): RequestInit => choices.find(isSupported) ?? {}

function isSupported(init: RequestInit): boolean {
  try {
    new Request('https://localhost', init)
    return true
  } catch {
    return false
  }
}

/**
 * For requests that must not follow a redirect. Without `'error'` in the runtime, the redirect itself is the answer.
 */
export const noRedirect = (): RequestInit => supported({ redirect: 'error' }, { redirect: 'manual' })
