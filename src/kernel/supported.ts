/** The first of these that the runtime takes. Cloudflare's workers throw at values that every browser has. */
export const supported = (...choices: RequestInit[]): RequestInit => choices.find(isSupported) ?? {}

function isSupported(init: RequestInit): boolean {
  try {
    new Request('https://localhost', init)
    return true
  } catch {
    return false
  }
}

/** For what must not follow a redirect: where there is no `'error'`, the redirect itself is the answer. */
export const noRedirect = (): RequestInit => supported({ redirect: 'error' }, { redirect: 'manual' })
