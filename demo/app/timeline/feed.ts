import type { Entry, Tone } from './entries.ts'

export interface Note {
  words: string
  tone?: Tone
  /** A lane of its own, by its name. Default: this tab's. */
  lane?: string
}

type Listener = (entry: Entry) => void

/** This tab's lane. A page that is loaded again goes on in a new one. */
export const HERE: string = crypto.randomUUID()

const listeners = new Set<Listener>()

/** Calls back with each entry of this tab; returns its undo. */
export function onEntry(listener: Listener): () => void {
  listeners.add(listener)
  return () => listeners.delete(listener)
}

export function tell(entry: Entry): void {
  for (const listener of [...listeners]) listener(entry)
}

/** Puts a sentence on the timeline, now. */
export function note({ words, tone = 'plain', lane = HERE }: Note): void {
  tell({ kind: 'note', at: Date.now(), lane, words, tone })
}
