import { createHmac, randomUUID } from 'node:crypto'
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
  /** The family of a token in any state. */
  familyOf(token: string): string | undefined
  /** Revokes the family of a token in any state. */
  revokeFamily(token: string): boolean
  revokeAll(): void
}

interface Row {
  state: 'live' | 'used'
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
    SELECT t.state, t.used_at AS usedAt, t.family_id AS familyId,
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
  const usedChild = db.prepare(`SELECT 1 FROM refresh_tokens WHERE parent_hash = ? AND state = 'used'`)
  const revoke = db.prepare('UPDATE families SET revoked_at = ? WHERE id = ? AND revoked_at IS NULL')
  const revokeAll = db.prepare('UPDATE families SET revoked_at = ? WHERE revoked_at IS NULL')
  const clean = db.prepare('DELETE FROM families WHERE expires_at <= ?')

  const { key } = db.prepare('SELECT key FROM successor_keys LIMIT 1').get() as { key: string }
  // Nobody without the key can compute it from a token, and the database holds hashes of tokens only.
  const successorOf = (token: string) => createHmac('sha256', key).update(token).digest('base64url')

  // A lost answer, a race and a reload during a refresh look the same: a token is used again soon, and its successor was not
  // used. Each repeat gets the same successor. So the answers may arrive in any order, and the cookie is the same.
  const isRepeat = (hash: string, row: Row, grace: number) =>
    row.state === 'used' && now() - row.usedAt! < grace * 1000 && !usedChild.get(hash)

  const rotate = (token: string, fingerprintHash: string, grace: number): Rotation => {
    const hash = sha256(token)
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
    const { familyId, userId, expiresAt } = row
    const successor = successorOf(token)
    if (live) {
      use.run(now(), hash)
      addToken.run(sha256(successor), familyId, hash)
    }
    return { outcome: live ? 'rotated' : 'grace', token: successor, familyId, userId, expiresAt }
  }

  return {
    lifetime,
    startFamily: (userId, fingerprintHash) =>
      inTransaction(db, () => {
        clean.run(now())
        const id = randomUUID()
        const expiresAt = now() + lifetime
        addFamily.run(id, userId, fingerprintHash, expiresAt)
        const token = randomSecret()
        addToken.run(sha256(token), id, null)
        return { token, familyId: id, expiresAt }
      }),
    rotate: (token, fingerprintHash, grace) => inTransaction(db, () => rotate(token, fingerprintHash, grace)),
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
