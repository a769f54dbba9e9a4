import { closeSync, openSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { OptionError } from './config.ts'

export type Database = DatabaseSync

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS users (
    id TEXT PRIMARY KEY,
    email TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    password TEXT NOT NULL
  ) STRICT;

  CREATE TABLE IF NOT EXISTS items (
    id TEXT PRIMARY KEY,
    user_id TEXT NOT NULL REFERENCES users ON DELETE CASCADE,
    title TEXT NOT NULL,
    created_at INTEGER NOT NULL
  ) STRICT;

  CREATE TABLE IF NOT EXISTS signing_keys (
    kid TEXT PRIMARY KEY,
    private_jwk TEXT NOT NULL,
    created_at INTEGER NOT NULL
  ) STRICT;

  -- Access tokens carry the era that they were issued in; raising it ends all earlier ones at once.
  CREATE TABLE IF NOT EXISTS eras (era INTEGER PRIMARY KEY) STRICT;
  INSERT INTO eras (era) SELECT 1 WHERE NOT EXISTS (SELECT 1 FROM eras);

  CREATE TABLE IF NOT EXISTS denied_tokens (
    jti TEXT PRIMARY KEY,
    expires_at INTEGER NOT NULL
  ) STRICT;

  -- What the CSRF values are signed with.
  CREATE TABLE IF NOT EXISTS csrf_keys (key TEXT PRIMARY KEY) STRICT;
  INSERT INTO csrf_keys (key) SELECT hex(randomblob(32)) WHERE NOT EXISTS (SELECT 1 FROM csrf_keys);

  -- What each refresh token's successor is derived with.
  CREATE TABLE IF NOT EXISTS successor_keys (key TEXT PRIMARY KEY) STRICT;
  INSERT INTO successor_keys (key) SELECT hex(randomblob(32)) WHERE NOT EXISTS (SELECT 1 FROM successor_keys);

  -- A family is one login: every refresh token that descends from it.
  CREATE TABLE IF NOT EXISTS families (
    id TEXT PRIMARY KEY,
    user_id TEXT NOT NULL REFERENCES users ON DELETE CASCADE,
    fingerprint_hash TEXT NOT NULL,
    expires_at INTEGER NOT NULL,
    revoked_at INTEGER
  ) STRICT;
  CREATE INDEX IF NOT EXISTS families_expiry ON families (expires_at);

  CREATE TABLE IF NOT EXISTS refresh_tokens (
    hash TEXT PRIMARY KEY,
    family_id TEXT NOT NULL REFERENCES families ON DELETE CASCADE,
    parent_hash TEXT,
    state TEXT NOT NULL CHECK (state IN ('live', 'used')),
    used_at INTEGER
  ) STRICT;
  CREATE INDEX IF NOT EXISTS refresh_tokens_parent ON refresh_tokens (parent_hash);
  CREATE INDEX IF NOT EXISTS refresh_tokens_family ON refresh_tokens (family_id);
`

export const openDatabase = (path: string): Database => {
  try {
    // The file holds the signing key, so it is made for its owner alone before SQLite opens it.
    if (path !== ':memory:') closeSync(openSync(path, 'a', 0o600))
    const db = new DatabaseSync(path)
    db.exec('PRAGMA journal_mode = WAL; PRAGMA foreign_keys = ON; PRAGMA busy_timeout = 5000')
    db.exec(SCHEMA)
    return db
  } catch (error) {
    throw new OptionError(`"db" cannot be opened: ${path} (${(error as Error).message})`)
  }
}

/** Locked or away: the refresh token may be good, so nobody is signed out. */
export const isOutage = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && error.code === 'ERR_SQLITE_ERROR'

/** `work` is synchronous, so nothing of this process comes in between; IMMEDIATE keeps other processes out. */
export const inTransaction = <T>(db: Database, work: () => T): T => {
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
