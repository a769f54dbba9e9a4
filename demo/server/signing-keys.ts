import { randomUUID } from 'node:crypto'
import { type CryptoKey, exportJWK, generateKeyPair, importJWK } from 'jose'
import type { Database } from './database.ts'

export const ALGORITHM = 'ES256'

export interface SigningKey {
  kid: string
  privateKey: CryptoKey
  publicKey: CryptoKey
}

export interface SigningKeys {
  current(): Promise<SigningKey>
  /** Tokens signed with the former key fail from here on. */
  rotate(): Promise<void>
}

export const createSigningKeys = async (db: Database, now: () => number): Promise<SigningKeys> => {
  const newest = db.prepare(
    'SELECT kid, private_jwk AS jwk FROM signing_keys ORDER BY created_at DESC LIMIT 1',
  )
  const add = db.prepare('INSERT INTO signing_keys (kid, private_jwk, created_at) VALUES (?, ?, ?)')
  const removeOthers = db.prepare('DELETE FROM signing_keys WHERE kid <> ?')
  let cached: SigningKey | undefined

  const rotate = async () => {
    const { privateKey } = await generateKeyPair(ALGORITHM, { extractable: true })
    const kid = randomUUID()
    add.run(kid, JSON.stringify(await exportJWK(privateKey)), now())
    removeOthers.run(kid)
  }

  const current = async () => {
    // Asked for each time, because another process on the same file may have rotated it.
    const row = newest.get() as { kid: string; jwk: string }
    if (cached?.kid === row.kid) return cached
    const { d, ...publicJwk } = JSON.parse(row.jwk)
    const [privateKey, publicKey] = await Promise.all([
      importJWK({ ...publicJwk, d }, ALGORITHM),
      importJWK(publicJwk, ALGORITHM),
    ])
    cached = { kid: row.kid, privateKey: privateKey as CryptoKey, publicKey: publicKey as CryptoKey }
    return cached
  }

  if (!newest.get()) await rotate()
  return { current, rotate }
}
