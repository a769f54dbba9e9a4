import type { LogEvent } from 'silent-refresh'
import type { Entry, Tone } from '../../../src/devtools/timeline/entries.ts'
import { realNow, toReal } from '../break/clock.ts'
import type { Auth } from '../types.ts'
import { CAUSES, REASONS } from '../words.ts'

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
let count = 0
let latest = { generation: 0, handed: false }

/** Calls back with each entry of this tab; returns its undo. */
export function onEntry(listener: Listener): () => void {
  listeners.add(listener)
  return () => listeners.delete(listener)
}

function tell(entry: Entry): void {
  for (const listener of [...listeners]) listener(entry)
}

const now = () => ({ at: realNow(), lane: HERE })

/** Puts a sentence on the timeline, now. */
export const note = ({ words, tone = 'plain', lane = HERE }: Note): void =>
  tell({ kind: 'note', at: realNow(), lane, words, tone })

/** The client's `fetch`: tells what goes over the wire, but for everything secret, and changes nothing. */
export async function toldFetch(input: RequestInfo | URL, init?: RequestInit): Promise<Response> {
  const id = `${HERE}-${++count}`
  const url = new URL(input instanceof Request ? input.url : input, location.href)
  const method = init?.method ?? (input instanceof Request ? input.method : 'GET')
  const answered = (status: number) => tell({ kind: 'answered', ...now(), id, status, note: '' })
  tell({ kind: 'sent', ...now(), id, method, path: url.pathname })
  try {
    const response = await fetch(input, init)
    answered(response.status)
    return response
  } catch (error) {
    answered(0)
    throw error
  }
}

/** The client's `logger`. */
export function tellStep(step: LogEvent): void {
  switch (step.type) {
    case 'signed-in':
      latest = { generation: step.generation, handed: step.cause === 'other-tab' }
      tell({ kind: 'signed-in', ...now(), words: `Signed in, ${CAUSES[step.cause]}` })
      break
    case 'refreshed':
      latest = { generation: step.generation, handed: step.cause === 'other-tab' }
      break
    case 'signed-out':
      if (step.reason === 'initial') note({ words: 'Nobody is signed in.' })
      else tell({ kind: 'signed-out', ...now(), words: `Signed out: ${REASONS[step.reason]}` })
      break
    case 'replay': {
      const { url, from, to } = step
      tell({ kind: 'replay', ...now(), path: new URL(url).pathname, from, to })
      break
    }
    case 'refresh-failed':
      // What is final is told by what comes of it.
      if (step.error.retryable) note({ words: step.error.message, tone: 'warn' })
  }
}

/** Tells each token that the session gets. */
export function tellTokens(auth: Auth): () => void {
  let known: number | null = null

  function look(): void {
    const { session } = auth
    const ending = session.status === 'authenticated' ? session.expiresAt : null
    if (ending === known) return
    known = ending
    if (session.status !== 'authenticated' || ending === null) return
    const expiresAt = toReal(ending)
    const { iat, exp } = session.claims ?? {}
    const life = iat !== undefined && exp !== undefined ? (exp - iat) * 1000 : expiresAt - realNow()
    tell({ kind: 'token', ...now(), expiresAt, life, ...latest })
  }

  look()
  return auth.subscribe(look)
}
