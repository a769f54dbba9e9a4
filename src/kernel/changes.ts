import type { AuthenticatedSession, LogEvent } from '../types.ts'
import type { Events } from './events.ts'
import type { LoginNote } from './login-note.ts'
import type { Marker } from './marker.ts'
import type { Part } from './parts.ts'
import type { Schedule } from './schedule.ts'
import type { Change, SessionHolder } from './session.ts'
import type { Settings } from './settings.ts'

interface Needs {
  readonly settings: Settings
  readonly session: SessionHolder
  readonly marker: Marker
  readonly loginNote: LoginNote
  readonly parts: readonly Part[]
  emit<Name extends keyof Events>(name: Name, detail: Events[Name]): void
  readonly schedule: Pick<Schedule, 'look'>
}

/**
 * The one place where a session change fans out: it sets the timer and the notes, queues the events for the app, and
 * tells the features. The app's listeners run after that.
 */
export function fanOut(kernel: Needs, change: Change): void {
  const { session, marker, loginNote, emit } = kernel
  const { log } = kernel.settings
  kernel.schedule.look()
  const { serial, epoch } = session.stamp
  let event: LogEvent | null = null
  if (change.type === 'commit') {
    const { cause, userChanged, told, decides } = change
    const { claims, user, expiresAt } = session.snapshot as AuthenticatedSession
    // The marker is removed here too: a worker that signed in has no storage, and could not remove it.
    if (decides || (told && !marker.stands(epoch))) marker.lift()
    // Only a login removes this note: tokens that the app hands in say nothing about the cookie that a lost login may
    // have replaced.
    if (cause === 'login' && !told) loginNote.lift()
    else if (told) loginNote.forget()
    if (cause === 'refresh') emit('refresh', { expiresAt })
    else emit('login', { cause })
    if (userChanged) emit('userChange', { claims, user })
    const type = cause === 'refresh' ? 'refreshed' : 'signed-in'
    event = { type, cause: told ? 'other-tab' : cause, generation: serial, expiresAt } as LogEvent
  }
  if (change.type === 'clear') {
    const { why, wasSignedIn } = change
    if (wasSignedIn) emit('logout', why)
    event = { type: 'signed-out', reason: why.reason, generation: serial }
  }
  if (change.type !== 'rotate') emit('change', undefined)
  for (const part of kernel.parts) part.changed?.(change)
  // Last: a logger can call the client, and what it changes must not be overtaken by this change.
  if (event) log(event)
}
