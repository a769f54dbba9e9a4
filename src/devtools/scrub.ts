const UUID = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/i
/** What tokens, keys, codes and digests are made of. A slash is left out, since it parts the folders of a path. */
const RUN = /[\w~+=%.-]{32,}/g
const MOST = 300

const isSecret = (text: string): boolean => /\d/.test(text) && /[a-z]/i.test(text) && !UUID.test(text)

/**
 * Hides each long piece of letters and digits, because it can be a token. A path or a message of a server can contain one. No
 * log event does, but people paste what they see here into public bug reports.
 */
export function scrub(text: string): string {
  const hidden = text.replace(RUN, run => (isSecret(run) ? '…' : run))
  return hidden.length > MOST ? `${hidden.slice(0, MOST)}…` : hidden
}

/** A URL without query, fragment, user and password. */
export function scrubUrl(url: string): string {
  const [bare = ''] = url.split(/[?#]/)
  return scrub(bare.replace(/^([a-z][\w+.-]*:\/\/)[^/]*@/i, '$1'))
}

/** The same for a value of the app, such as the user: each text in it. A name that speaks of a secret hides its value. */
export function scrubValue(value: unknown, depth = 0): unknown {
  if (typeof value === 'string') return scrub(value)
  if (typeof value !== 'object' || value === null) return typeof value === 'function' ? '…' : value
  if (depth > 5) return '…'
  if (Array.isArray(value)) return value.slice(0, 100).map(item => scrubValue(item, depth + 1))
  const members = Object.entries(value).slice(0, 100)
  return Object.fromEntries(
    members.map(([name, member]) => [name, SECRET.test(name) ? '…' : scrubValue(member, depth + 1)]),
  )
}

const SECRET = /token|secret|password|passwd|verifier|private|api_?key|^(code|state|nonce|key)$/i
