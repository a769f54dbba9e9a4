import { kernelOf } from '../kernel/registry.ts'
import type { AuthClient, Session } from '../types.ts'
import { type JournalEvent, readEvent } from './events.ts'
import type { Journal } from './journal.ts'
import { watchPageLife } from './page-life.ts'

/** A client of `silent-refresh` or `silent-refresh/core`. */
export type Client = AuthClient<unknown, unknown>

/** The only words of an answer that are shown: others could quote a name, an address or a token. */
const REFUSALS = [
  'access_denied',
  'consent_required',
  'interaction_required',
  'invalid_client',
  'invalid_dpop_proof',
  'invalid_grant',
  'invalid_request',
  'invalid_scope',
  'invalid_token',
  'login_required',
  'unauthorized_client',
  'unsupported_grant_type',
]

/** Puts an event into the journal, without what must not be in it. */
export const recorder =
  (journal: Journal, tab: string, now: () => number) =>
  (event: JournalEvent): void => {
    const safe = readEvent(event)
    if (safe) journal.add({ at: now(), tab, event: safe })
  }

/**
 * Puts what the client reports into the journal, from now on, and when the page is hidden or has no network; returns its undo.
 *
 * @param tab names this tab in the journal
 */
export function recordEvents(
  auth: AuthClient<unknown, unknown>,
  journal: Journal,
  tab = 'this tab',
): () => void {
  const { environment } = kernelOf(auth) ?? {}
  const now = environment?.now ?? Date.now
  const add = recorder(journal, tab, now)
  const undo = auth.on('log', event => {
    const refusal = event.type === 'signed-out' && refusalOf(auth.session)
    add(refusal ? { ...event, refusal } : event)
  })
  const stop = environment && watchPageLife(environment, add)
  return () => {
    undo()
    stop?.()
  }
}

function refusalOf(session: Session<unknown, unknown>): string | undefined {
  const body: unknown = session.error?.body
  const code = typeof body === 'object' && body !== null && 'error' in body ? body.error : undefined
  return REFUSALS.find(known => known === code)
}
