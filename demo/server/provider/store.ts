import type { Adapter, Stored } from 'oidc-provider'

interface Entry {
  payload: Stored
  expiresAt: number
}

export interface Store {
  adapter(model: string): Adapter
  /** Forgets everything, or all that is of this kind. */
  clear(model?: string): void
}

/** What the provider knows, in memory. One store for each provider, since a process of tests has several. */
export const createStore = (now: () => number = Date.now): Store => {
  const entries = new Map<string, Entry>()

  const read = (key: string) => {
    const entry = entries.get(key)
    if (!entry || entry.expiresAt > now()) return entry?.payload
    entries.delete(key)
    return undefined
  }

  const adapter = (model: string): Adapter => {
    const keyOf = (id: string) => `${model}:${id}`
    const findWhere = async (name: 'uid' | 'userCode', value: string) => {
      for (const [key, { payload }] of entries) {
        if (key.startsWith(`${model}:`) && payload[name] === value) return read(key)
      }
      return undefined
    }

    return {
      upsert: async (id, payload, expiresIn = Number.POSITIVE_INFINITY) => {
        entries.set(keyOf(id), { payload, expiresAt: now() + expiresIn * 1000 })
      },
      find: async id => read(keyOf(id)),
      findByUid: uid => findWhere('uid', uid),
      findByUserCode: userCode => findWhere('userCode', userCode),
      consume: async id => {
        const payload = read(keyOf(id))
        if (payload) payload.consumed = Math.floor(now() / 1000)
      },
      destroy: async id => void entries.delete(keyOf(id)),
      // Of this kind alone: a login that is under way names the grant, too.
      revokeByGrantId: async grantId => {
        for (const [key, { payload, expiresAt }] of entries) {
          const isRevoked = key.startsWith(`${model}:`) && payload.grantId === grantId
          if (isRevoked || expiresAt <= now()) entries.delete(key)
        }
      },
    }
  }

  const clear = (model?: string) => {
    for (const key of entries.keys()) if (!model || key.startsWith(`${model}:`)) entries.delete(key)
  }

  return { adapter, clear }
}
