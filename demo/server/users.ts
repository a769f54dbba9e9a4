import { randomUUID } from 'node:crypto'
import { DEMO_CREDENTIALS, SEED_ITEMS } from './credentials.ts'
import { type Database, inTransaction } from './database.ts'
import { hashPassword, verifyPassword } from './passwords.ts'
import { randomSecret } from './random.ts'

export interface User {
  sub: string
  email: string
  name: string
}

export interface Users {
  byCredentials(email: string, password: string): Promise<User | null>
  byId(sub: string): User | null
}

export const createUsers = async (db: Database, cost: number, now: () => number): Promise<Users> => {
  const byEmail = db.prepare('SELECT id AS sub, email, name, password FROM users WHERE email = ?')
  const byId = db.prepare('SELECT id AS sub, email, name FROM users WHERE id = ?')
  const addUser = db.prepare('INSERT OR IGNORE INTO users (id, email, name, password) VALUES (?, ?, ?, ?)')
  const addItem = db.prepare('INSERT INTO items (id, user_id, title, created_at) VALUES (?, ?, ?, ?)')

  const seed = async ({ email, password, name }: (typeof DEMO_CREDENTIALS)[number]) => {
    if (byEmail.get(email)) return
    const hash = await hashPassword(password, cost)
    inTransaction(db, () => {
      const sub = randomUUID()
      // Another process on the same file may have been faster.
      if (addUser.run(sub, email, name, hash).changes === 0) return
      for (const title of SEED_ITEMS) addItem.run(randomUUID(), sub, title, now())
    })
  }

  await Promise.all(DEMO_CREDENTIALS.map(seed))
  // Checked against when nobody has the address: the answer takes as long as for a wrong password.
  const nobody = await hashPassword(randomSecret(), cost)

  return {
    byCredentials: async (email, password) => {
      const row = byEmail.get(email.trim().toLowerCase()) as (User & { password: string }) | undefined
      const matches = await verifyPassword(password, row?.password ?? nobody)
      return row && matches ? { sub: row.sub, email: row.email, name: row.name } : null
    },
    byId: sub => {
      const row = byId.get(sub) as User | undefined
      return row ? { ...row } : null
    },
  }
}
