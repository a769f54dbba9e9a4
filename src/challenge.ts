/** Errors that no other token of the same user would mend: RFC 6750 §3.1, RFC 9470 §3. */
const EXEMPT = ['insufficient_scope', 'insufficient_user_authentication']

/** One scheme, or one parameter of the scheme before it; a quoted value may hold anything, commas included. */
const PART = /([\w!#$%&'*+.^`|~-]+)(?:\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]*)))?/g

/** Does this `WWW-Authenticate` (RFC 9110 §11.6.1) say that the token is fine, but not enough? */
export function isExempt(header: string | null, scheme: string): boolean {
  let current = ''
  for (const [part, name = '', quoted, plain] of header?.matchAll(PART) ?? []) {
    const value = quoted ?? plain
    if (value === undefined) current = part.toLowerCase()
    else if (name.toLowerCase() === 'error' && current === scheme.toLowerCase()) return EXEMPT.includes(value)
  }
  return false
}
