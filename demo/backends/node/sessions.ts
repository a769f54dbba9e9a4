import { createHash, createHmac, randomBytes, randomUUID, scrypt, timingSafeEqual } from 'node:crypto'
import { DatabaseSync } from 'node:sqlite'
import { promisify } from 'node:util'
import { jwtVerify, SignJWT } from 'jose'

// What the servers beside this file share: users, sessions, tokens, the cookie and the origin check.
// Replace: the database by your own (tables and transaction below), the table of users by yours.

const { PORT = '4000', ACCESS_TTL = '900', GRACE = '10', DATABASE = ':memory:' } = process.env
export const port: number = Number(PORT)
/** Seconds. */
const accessTtl = Number(ACCESS_TTL)
const grace = Number(GRACE) * 1000
const SESSION_DAYS = 30

/** Where your pages are. In production: `ORIGINS=https://app.example.com`. */
const origins = (process.env.ORIGINS ?? `http://127.0.0.1:${PORT},http://localhost:5173`).split(',')
const isHttps = origins[0]?.startsWith('https:')

/** Set it in production, to the same value in every process: without it a restart makes all access tokens invalid. */
const secret = process.env.SECRET ?? randomBytes(32).toString('hex')
const keyFor = (purpose: string) => createHmac('sha256', secret).update(purpose).digest()
const accessKey = keyFor('access token')
const successorKey = keyFor('successor')

/** `timeout`: so many ms a request waits for a lock, and the whole server with it. */
const db = new DatabaseSync(DATABASE, { timeout: 2000 })
db.exec(`
  CREATE TABLE IF NOT EXISTS users (id TEXT PRIMARY KEY, email TEXT UNIQUE, name TEXT, password TEXT);
  CREATE TABLE IF NOT EXISTS sessions (id TEXT PRIMARY KEY, user_id TEXT, expires_at INTEGER, ended INTEGER DEFAULT 0);
  CREATE TABLE IF NOT EXISTS refresh_tokens (hash TEXT PRIMARY KEY, session_id TEXT, used_at INTEGER);
`)

/** Takes the write lock before it reads. Otherwise two refreshes could both find a token unused. */
function inTransaction<T>(work: () => T): T {
  db.exec('BEGIN IMMEDIATE')
  try {
    const result = work()
    db.exec('COMMIT')
    return result
  } catch (error) {
    db.exec('ROLLBACK')
    throw error
  }
}

/** The database is locked or away: the answer is a 503, which signs nobody out. Replace: the errors of your own. */
export const isOutage = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && error.code === 'ERR_SQLITE_ERROR'

// Users ---------------------------------------------------------------------------------------------------------

export interface User {
  sub: string
  email: string
  name: string
}

const derive = promisify<string, Buffer, number, object, Buffer>(scrypt)
const COST = { N: 2 ** 15, r: 8, p: 3, maxmem: 2 ** 26 }

async function hashPassword(password: string, salt = randomBytes(16)): Promise<string> {
  const key = await derive(password.normalize('NFKC'), salt, 32, COST)
  return `${salt.toString('base64url')}.${key.toString('base64url')}`
}

async function addUser(email: string, name: string, password: string): Promise<void> {
  const hash = await hashPassword(password)
  db.prepare('INSERT OR IGNORE INTO users VALUES (?, ?, ?, ?)').run(randomUUID(), email, name, hash)
}

await addUser('ada@example.com', 'Ada Lovelace', 'correct horse battery staple')
const nobody = await hashPassword(randomUUID())

/** An unknown user takes as long as a wrong password. */
export async function signIn(email: string, password: string): Promise<User | null> {
  const row = db.prepare('SELECT * FROM users WHERE email = ?').get(email.trim().toLowerCase())
  const stored = String(row?.password ?? nobody)
  const [salt = ''] = stored.split('.')
  const hash = await hashPassword(password, Buffer.from(salt, 'base64url'))
  return row && timingSafeEqual(Buffer.from(hash), Buffer.from(stored)) ? toUser(row) : null
}

const toUser = (row: Record<string, unknown>): User => ({
  sub: String(row.id),
  email: String(row.email),
  name: String(row.name),
})

// Refresh tokens ------------------------------------------------------------------------------------------------

/** The database holds hashes only: a stolen copy of it opens no session. */
const sha256 = (text: string) => createHash('sha256').update(text).digest('base64url')
/** Only the server can compute it. So a lost answer can be repeated, although the database has no token. */
const successorOf = (token: string) => createHmac('sha256', successorKey).update(token).digest('base64url')

const addToken = db.prepare('INSERT INTO refresh_tokens (hash, session_id) VALUES (?, ?)')
const findToken = db.prepare(`
  SELECT t.used_at, t.session_id, s.expires_at, s.ended, u.id, u.email, u.name FROM refresh_tokens t
  JOIN sessions s ON s.id = t.session_id JOIN users u ON u.id = s.user_id WHERE t.hash = ?`)

/** Begins a session; returns its first refresh token. */
export function startSession(user: User): string {
  const [session, token] = [randomUUID(), randomBytes(32).toString('base64url')]
  const expiresAt = Date.now() + SESSION_DAYS * 86_400_000
  inTransaction(() => {
    db.prepare(
      'DELETE FROM refresh_tokens WHERE session_id IN (SELECT id FROM sessions WHERE expires_at < ?)',
    ).run(Date.now())
    db.prepare('DELETE FROM sessions WHERE expires_at < ?').run(Date.now())
    db.prepare('INSERT INTO sessions (id, user_id, expires_at) VALUES (?, ?, ?)').run(
      session,
      user.sub,
      expiresAt,
    )
    addToken.run(sha256(token), session)
  })
  return token
}

export type Rotation = { user: User; refreshToken: string; maxAge: number } | { error: string }

/** Each refresh token is used once. A second use within the grace gets the same successor; a later one ends the session. */
export const rotate = (token: string): Rotation =>
  inTransaction(() => {
    const now = Date.now()
    const row = findToken.get(sha256(token))
    if (!row) return { error: 'invalid_refresh_token' }
    if (row.ended) return { error: 'session_revoked' }
    if (Number(row.expires_at) <= now) return { error: 'session_expired' }
    const successor = successorOf(token)
    if (row.used_at === null) {
      db.prepare('UPDATE refresh_tokens SET used_at = ? WHERE hash = ?').run(now, sha256(token))
      addToken.run(sha256(successor), String(row.session_id))
    } else {
      const isLate = now - Number(row.used_at) >= grace
      if (isLate || findToken.get(sha256(successor))?.used_at !== null) {
        db.prepare('UPDATE sessions SET ended = 1 WHERE id = ?').run(String(row.session_id))
        console.warn(`A used refresh token came again: session ${row.session_id} of ${row.email} is ended`)
        return { error: 'reuse_detected' }
      }
    }
    return {
      user: toUser(row),
      refreshToken: successor,
      maxAge: Math.floor((Number(row.expires_at) - now) / 1000),
    }
  })

/** Of a used token too: after a lost answer the browser still has the one from before. */
export function endSession(token: string | undefined): void {
  const row = token && findToken.get(sha256(token))
  if (row) db.prepare('UPDATE sessions SET ended = 1 WHERE id = ?').run(String(row.session_id))
}

// Access tokens -------------------------------------------------------------------------------------------------

const JWT = { issuer: 'https://auth.example.com', audience: 'https://api.example.com' }

const issueAccessToken = ({ sub, email, name }: User): Promise<string> =>
  new SignJWT({ email, name })
    .setProtectedHeader({ alg: 'HS256', typ: 'at+jwt' })
    .setSubject(sub)
    .setIssuer(JWT.issuer)
    .setAudience(JWT.audience)
    .setIssuedAt()
    .setExpirationTime(`${accessTtl} s`)
    .setJti(randomUUID())
    .sign(accessKey)

/** The body of a login and of a refresh. */
export const tokenAnswer = async (user: User): Promise<object> => ({
  access_token: await issueAccessToken(user),
  token_type: 'Bearer',
  expires_in: accessTtl,
  user,
})

/** The user of an `Authorization` header, or the name of the error. */
export async function authenticate(
  header: string | undefined,
): Promise<User | 'unauthorized' | 'invalid_token'> {
  const [, token] = /^bearer +(\S+)$/i.exec(header ?? '') ?? []
  if (!token) return 'unauthorized'
  try {
    const { payload } = await jwtVerify(token, accessKey, { ...JWT, algorithms: ['HS256'], typ: 'at+jwt' })
    return toUser({ ...payload, id: payload.sub })
  } catch {
    return 'invalid_token'
  }
}

/** For `WWW-Authenticate`. It names an error only if there was a token (RFC 6750, section 3). */
export const challenge = (error: 'unauthorized' | 'invalid_token'): string =>
  error === 'unauthorized' ? 'Bearer realm="api"' : `Bearer realm="api", error="${error}"`

// The cookie, and who may use it --------------------------------------------------------------------------------

/** With __Host- no sibling subdomain can plant a cookie of this name. Browsers take such a name over https only. */
const cookie = isHttps
  ? { name: '__Host-refresh_token', path: '/' }
  : { name: 'refresh_token', path: '/auth' }

/** The value of `Set-Cookie`. `maxAge` 0 clears the cookie. */
export const refreshCookie = (token: string, maxAge: number = SESSION_DAYS * 86_400): string =>
  `${cookie.name}=${token}; Path=${cookie.path}; Max-Age=${maxAge}; HttpOnly; SameSite=Strict${isHttps ? '; Secure' : ''}`

/** The refresh token in the header `Cookie`. */
export const readRefreshCookie = (header: string | undefined): string | undefined =>
  header
    ?.split('; ')
    .find(pair => pair.startsWith(`${cookie.name}=`))
    ?.slice(cookie.name.length + 1)

/** The browser adds the cookie by itself. So the server asks which page has sent the request. */
export const isOwnPage = (origin: string | undefined, site: string | undefined): boolean =>
  origin === undefined ? site === 'same-origin' : origins.includes(origin)
