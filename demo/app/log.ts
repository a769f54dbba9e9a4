import type { LogEvent } from 'silent-refresh'
import type { Auth } from './auth.ts'
import { button, byId, create } from './dom.ts'
import { authErrorInWords, CAUSES, clock, REASONS } from './words.ts'

const LIMIT = 200

const list = byId('log', HTMLOListElement)

export function mountLog(auth: Auth): void {
  auth.on('login', ({ cause }) => write('event', 'login', `Signed in, ${CAUSES[cause]}.`))
  auth.on('logout', ({ reason }) => write('event', 'logout', `Signed out: ${REASONS[reason]}.`))
  auth.on('refresh', ({ expiresAt }) => write('event', 'refresh', `A new token${until(expiresAt)}.`))
  auth.on('refreshError', ({ error, retryAt }) => {
    const next = retryAt === null ? '' : ` The next attempt is at ${clock(retryAt)}.`
    write('event', 'refreshError', `No new token (${error.code}). ${error.message}${next}`)
  })
  auth.on('userChange', ({ user }) =>
    write('event', 'userChange', `Now it is ${user?.name ?? 'somebody else'}.`),
  )
  button('clear-log').addEventListener('click', () => list.replaceChildren())
}

/** The client's `logger`: what it does, and why. */
export const logStep = (step: LogEvent): void => write('step', step.type, inWords(step))

/** Events are what an app reacts to, steps are for looking into the client. */
function write(kind: 'event' | 'step', name: string, words: string): void {
  const entry = create(
    'li',
    {},
    create('time', { dateTime: new Date().toISOString() }, clock(Date.now())),
    create('code', {}, name),
    create('span', {}, words),
  )
  Object.assign(entry.dataset, { kind, name })
  const atEnd = list.scrollTop + list.clientHeight > list.scrollHeight - 8
  list.append(entry)
  if (list.children.length > LIMIT) list.firstElementChild?.remove()
  if (atEnd) list.scrollTop = list.scrollHeight
}

const until = (expiresAt: number | null): string =>
  expiresAt === null ? '' : `, good until ${clock(expiresAt)}`

function inWords(step: LogEvent): string {
  switch (step.type) {
    case 'refresh':
      return step.operation === 'restore'
        ? 'Asks the server whether a session is open.'
        : `Asks for a token to follow generation ${step.generation}.`
    case 'refreshed':
      return `Generation ${step.generation}${until(step.expiresAt)}.`
    case 'refresh-failed':
    case 'revocation-failed':
    case 'user-failed':
      return authErrorInWords(step.error)
    case 'result-dropped':
      return `A ${step.operation} of generation ${step.asked} came too late: now it is ${step.generation}.`
    case 'replay':
      return `${new URL(step.url).pathname} again, with generation ${step.to} after ${step.from}.`
    case 'signed-in':
      return `Generation ${step.generation}, ${CAUSES[step.cause]}.`
    case 'signed-out':
      return `Generation ${step.generation}, ${REASONS[step.reason]}.`
    case 'callback-threw':
      return `"${step.option}" threw ${step.name}.`
    default:
      return `${step.type.replaceAll('-', ' ')}.`
  }
}
