/** What an auth server keeps of its sessions: single-use refresh tokens, and the access tokens that came of them. */
export interface Ledger<Owner> {
  /** Begins a session, and returns its refresh token. */
  open(owner: Owner): string
  /**
   * Exchanges a refresh token for its successor (RFC 9700 §4.14.2). A token that was used before ends the session. Within the
   * grace it returns the same successor, for a client that has lost the answer, unless that successor was used.
   */
  exchange(refreshToken: string | null): { owner: Owner; refreshToken: string } | 'unknown' | 'reused'
  /** Whose session this refresh token, or the one that took its place, opens. */
  ownerOf(refreshToken: string | null): Owner | null
  /** Ends that session; the access tokens that are out live on. */
  close(refreshToken: string | null): void
  /** `ends`: epoch milliseconds. */
  issue(accessToken: string, owner: Owner, ends: number): void
  /** Whose access token this is, while it is good. */
  holder(accessToken: string | null): Owner | null
  revoke(accessToken: string | null): void
  revokeAccess(): void
  revokeAll(): void
  /** How often a used refresh token has come again. */
  readonly reuses: number
  /** Everything that it knows. Another ledger can begin with a clone. */
  readonly book: Book<Owner>
}

export interface Book<Owner> {
  /** By each of its refresh tokens. */
  readonly families: Map<string, Family<Owner>>
  readonly access: Map<string, { owner: Owner; ends: number }>
  reuses: number
}

interface Family<Owner> {
  readonly owner: Owner
  current: string
  previous: string | null
  rotatedAt: number
  revoked: boolean
}

/** `grace`: milliseconds. */
export function createLedger<Owner>(
  now: () => number,
  grace: number,
  name: () => string,
  book: Book<Owner> = { families: new Map(), access: new Map(), reuses: 0 },
): Ledger<Owner> {
  const { families, access } = book

  function find(refreshToken: string | null): Family<Owner> | null {
    const family = families.get(refreshToken ?? '')
    return family && !family.revoked ? family : null
  }

  return {
    book,
    get reuses() {
      return book.reuses
    },
    open(owner) {
      const current = name()
      families.set(current, { owner, current, previous: null, rotatedAt: 0, revoked: false })
      return current
    },
    exchange(refreshToken) {
      const family = find(refreshToken)
      if (!family) return 'unknown'
      const { owner, previous, rotatedAt } = family
      if (family.current === refreshToken) {
        family.previous = family.current
        family.current = name()
        family.rotatedAt = now()
        families.set(family.current, family)
      } else if (previous !== refreshToken || now() - rotatedAt >= grace) {
        family.revoked = true
        book.reuses++
        return 'reused'
      }
      return { owner, refreshToken: family.current }
    },
    ownerOf: refreshToken => find(refreshToken)?.owner ?? null,
    close(refreshToken) {
      const family = find(refreshToken)
      if (family) family.revoked = true
    },
    issue: (accessToken, owner, ends) => void access.set(accessToken, { owner, ends }),
    holder(accessToken) {
      const found = access.get(accessToken ?? '')
      return found && found.ends > now() ? found.owner : null
    },
    revoke: accessToken => void access.delete(accessToken ?? ''),
    revokeAccess: () => access.clear(),
    revokeAll() {
      access.clear()
      for (const family of families.values()) family.revoked = true
    },
  }
}
