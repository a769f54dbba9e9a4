import { randomUUID } from 'node:crypto'
import { FAMILY_LIFETIME } from './config.ts'
import { type Database, inTransaction } from './database.ts'
import { randomSecret, sameText, sha256 } from './random.ts'

export interface IssuedRefreshToken {
  token: string
  familyId: string
  /** The end of the family, in epoch milliseconds: rotation does not move it. */
  expiresAt: number
}

export type Rotation =
  | (IssuedRefreshToken & { outcome: 'rotated' | 'grace'; userId: string })
  | { outcome: 'unknown' | 'revoked' | 'expired' | 'unbound' | 'reuse' }

export interface RefreshTokens {
  /** Of a family, in milliseconds. */
  readonly lifetime: number
  startFamily(userId: string, fingerprintHash: string): IssuedRefreshToken
  rotate(token: string, fingerprintHash: string, grace: number): Rotation
  /** A used token can be repeated until then, and for the grace after that. */
  keepRepeatable(token: string, until: number): void
  /** The family of a token, in whatever state the token is. */
  familyOf(token: string): string | undefined
  /** Revokes the family of a token, in whatever state the token is. */
  revokeFamily(token: string): boolean
  revokeAll(): void
}

interface Row {
  state: 'live' | 'used' | 'superseded'
  parentHash: string | null
  usedAt: number | null
  familyId: string
  userId: string
  fingerprintHash: string
  expiresAt: number
  revokedAt: number | null
}

export const createRefreshTokens = (
  db: Database,
  now: () => number,
  lifetime: number = FAMILY_LIFETIME,
): RefreshTokens => {
  const find = db.prepare(`
    SELECT t.state, t.parent_hash AS parentHash, t.used_at AS usedAt, t.family_id AS familyId,
      f.user_id AS userId, f.fingerprint_hash AS fingerprintHash, f.expires_at AS expiresAt,
      f.revoked_at AS revokedAt
    FROM refresh_tokens t JOIN families f ON f.id = t.family_id WHERE t.hash = ?`)
  const addFamily = db.prepare(
    'INSERT INTO families (id, user_id, fingerprint_hash, expires_at) VALUES (?, ?, ?, ?)',
  )
  const addToken = db.prepare(
    `INSERT INTO refresh_tokens (hash, family_id, parent_hash, state) VALUES (?, ?, ?, 'live')`,
  )
  const use = db.prepare(`UPDATE refresh_tokens SET state = 'used', used_at = ? WHERE hash = ?`)
  const prolong = db.prepare(`UPDATE refresh_tokens SET used_at = ? WHERE hash = ? AND state = 'used'`)
  const supersede = db.prepare(
    `UPDATE refresh_tokens SET state = 'superseded' WHERE parent_hash = ? AND state = 'live'`,
  )
  const usedChild = db.prepare(`SELECT 1 FROM refresh_tokens WHERE parent_hash = ? AND state = 'used'`)
  const revoke = db.prepare('UPDATE families SET revoked_at = ? WHERE id = ? AND revoked_at IS NULL')
  const revokeAll = db.prepare('UPDATE families SET revoked_at = ? WHERE revoked_at IS NULL')
  const clean = db.prepare('DELETE FROM families WHERE expires_at <= ?')

  const issue = (familyId: string, parentHash: string | null) => {
    const token = randomSecret()
    addToken.run(sha256(token), familyId, parentHash)
    return token
  }

  // A lost answer and a race both show as a token that is used again soon, while nobody has used what it
  // was exchanged for. Only hashes are kept, so the successor cannot be handed out twice: a sibling is
  // issued. The siblings stay good side by side, since answers may reach the cookie jar in any order. The
  // first use of one ends the others, so that two holders of one lineage show at their next refresh.
  const isRepeat = (hash: string, row: Row, grace: number) =>
    row.state === 'used' && now() - row.usedAt! < grace * 1000 && !usedChild.get(hash)

  const rotate = (hash: string, fingerprintHash: string, grace: number): Rotation => {
    const row = find.get(hash) as Row | undefined
    if (!row) return { outcome: 'unknown' }
    if (row.revokedAt !== null) return { outcome: 'revoked' }
    if (row.expiresAt <= now()) return { outcome: 'expired' }
    const live = row.state === 'live'
    if (!live && !isRepeat(hash, row, grace)) {
      revoke.run(now(), row.familyId)
      return { outcome: 'reuse' }
    }
    if (!sameText(row.fingerprintHash, fingerprintHash)) return { outcome: 'unbound' }
    if (live) {
      use.run(now(), hash)
      if (row.parentHash !== null) supersede.run(row.parentHash)
    }
    const token = issue(row.familyId, hash)
    const { familyId, userId, expiresAt } = row
    return { outcome: live ? 'rotated' : 'grace', token, familyId, userId, expiresAt }
  }

  return {
    lifetime,
    startFamily: (userId, fingerprintHash) =>
      inTransaction(db, () => {
        clean.run(now())
        const id = randomUUID()
        const expiresAt = now() + lifetime
        addFamily.run(id, userId, fingerprintHash, expiresAt)
        return { token: issue(id, null), familyId: id, expiresAt }
      }),
    rotate: (token, fingerprintHash, grace) =>
      inTransaction(db, () => rotate(sha256(token), fingerprintHash, grace)),
    keepRepeatable: (token, until) => {
      prolong.run(until, sha256(token))
    },
    familyOf: token => (find.get(sha256(token)) as Row | undefined)?.familyId,
    revokeFamily: token =>
      inTransaction(db, () => {
        const row = find.get(sha256(token)) as Row | undefined
        return row !== undefined && revoke.run(now(), row.familyId).changes > 0
      }),
    revokeAll: () => {
      revokeAll.run(now())
    },
  }
}
