export interface Emitter<Events> {
  on<Name extends keyof Events>(
    name: Name,
    listener: (detail: Events[Name]) => void,
    signal?: AbortSignal | null,
  ): () => void
  emit<Name extends keyof Events>(name: Name, detail: Events[Name]): void
  clear(): void
}

/**
 * `emit` only queues: listeners run as a microtask of their own, after the state has settled and outside every lock
 * and promise chain, so one that calls back into the client finds it in order and never waits for itself.
 */
export function createEmitter<Events>(report: (error: unknown) => void): Emitter<Events> {
  type Entry = { name: keyof Events; listener: (detail: any) => void }
  const entries = new Set<Entry>()

  return {
    on(name, listener, signal) {
      const entry: Entry = { name, listener }
      const undo = () => {
        entries.delete(entry)
        signal?.removeEventListener('abort', undo)
      }
      if (!signal?.aborted) {
        entries.add(entry)
        signal?.addEventListener('abort', undo)
      }
      return undo
    },
    emit(name, detail) {
      queueMicrotask(() => {
        for (const entry of [...entries]) {
          if (entry.name !== name || !entries.has(entry)) continue
          try {
            entry.listener(detail)
          } catch (error) {
            report(error)
          }
        }
      })
    },
    clear: () => entries.clear(),
  }
}
