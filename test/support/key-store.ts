import type { KeyStore } from '../../src/kernel/key-store.ts'

/** A browser's IndexedDB, as far as keys are concerned: what is in it was cloned on its way. */
export interface TestKeyStore {
  readonly change: KeyStore
  /** By `sessionKey`. */
  readonly kept: Map<string, any[]>
  /** Of all sessions. */
  readonly records: any[]
  /** Every call rejects: a private window, or a full disk. */
  isBroken: boolean
  /** No call is ever answered. */
  hangs: boolean
  /** Settles when it is asked while it hangs. */
  readonly asked: Promise<void>
}

export function createKeyStore(): TestKeyStore {
  const kept = new Map<string, any[]>()
  let told = () => {}
  const asked = new Promise<void>(resolve => {
    told = resolve
  })
  const store: TestKeyStore = {
    kept,
    get records() {
      return [...kept.values()].flat()
    },
    isBroken: false,
    hangs: false,
    asked,
    async change(sessionKey, update) {
      if (store.hangs) {
        told()
        return new Promise(() => {})
      }
      if (store.isBroken) throw new DOMException('Denied', 'InvalidStateError')
      const keys = update(structuredClone(kept.get(sessionKey) ?? []))
      kept.set(sessionKey, structuredClone([...keys]))
      return keys
    },
  }
  return store
}
