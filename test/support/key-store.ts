import type { KeyStore } from '../../src/kernel/key-store.ts'

/** A browser's IndexedDB, as far as keys are concerned: what is in it was cloned on its way. */
export interface TestKeyStore extends KeyStore {
  readonly kept: Map<string, any>
  /** Every call rejects: a private window, or a full disk. */
  isBroken: boolean
  /** No call is ever answered. */
  hangs: boolean
  /** Settles when it is asked while it hangs. */
  readonly asked: Promise<void>
}

export function createKeyStore(): TestKeyStore {
  const kept = new Map<string, any>()
  let told = () => {}
  const asked = new Promise<void>(resolve => {
    told = resolve
  })
  async function use<T>(work: () => T): Promise<T> {
    if (store.hangs) {
      told()
      return new Promise(() => {})
    }
    if (store.isBroken) throw new DOMException('Denied', 'InvalidStateError')
    return work()
  }
  const store: TestKeyStore = {
    kept,
    isBroken: false,
    hangs: false,
    asked,
    put: key => use(() => kept.set(key.id, structuredClone(key))),
    all: () => use(() => [...kept.values()]),
    remove: id => use(() => kept.delete(id)),
  }
  return store
}
