import { describeEvent, type LogEvent } from 'silent-refresh'
import { button, byId, create, setText } from './dom.ts'
import type { Auth } from './types.ts'
import { CAUSES, clock, REASONS } from './words.ts'

const LIMIT = 200
/** What comes this soon after its like is counted, not listed. */
const TOGETHER = 1_000
/** Read out when nothing more has come for as long. */
const QUIET = 1_500

const list = byId('log', HTMLOListElement)
const news = byId('log-news', HTMLElement)

export function mountLog(auth: Auth): void {
  auth.on('login', ({ cause }) => writeEvent('login', `Signed in, ${CAUSES[cause]}.`))
  auth.on('logout', ({ reason }) => writeEvent('logout', `Signed out: ${REASONS[reason]}.`))
  auth.on('refresh', ({ expiresAt }) => {
    writeEvent(
      'refresh',
      expiresAt === null ? 'A new token.' : `A new token, good until ${clock(expiresAt)}.`,
    )
  })
  auth.on('refreshError', ({ error, retryAt }) => {
    const next = retryAt === null ? '' : ` The next attempt is at ${clock(retryAt)}.`
    writeEvent('refreshError', `No new token (${error.code}). ${error.message}${next}`)
  })
  auth.on('userChange', ({ user }) => writeEvent('userChange', `Now it is ${user?.name ?? 'somebody else'}.`))
  button('clear-log').addEventListener('click', () => list.replaceChildren())
}

/** What an app reacts to. Read out too, a few at a time. */
function writeEvent(name: string, words: string): void {
  write('event', name, words)
  announce(words)
}

/** The client's `logger`: what it does, and why. */
export const logStep = (step: LogEvent): void => write('step', step.type, `${describeEvent(step)}.`)

let last = { name: '', at: 0, count: 0, badge: create('b') }

function write(kind: 'event' | 'step', name: string, words: string): void {
  const at = Date.now()
  if (name === last.name && at - last.at < TOGETHER) {
    last.at = at
    setText(last.badge, ` × ${++last.count}`)
    return
  }
  last = { name, at, count: 1, badge: create('b') }
  const entry = create(
    'li',
    {},
    create('time', { dateTime: new Date(at).toISOString() }, clock(at)),
    create('code', {}, name, last.badge),
    create('span', {}, words),
  )
  Object.assign(entry.dataset, { kind, name })
  const isAtEnd = list.scrollTop + list.clientHeight > list.scrollHeight - 8
  list.append(entry)
  if (list.children.length > LIMIT) list.firstElementChild?.remove()
  if (isAtEnd) list.scrollTop = list.scrollHeight
}

let unsaid: string[] = []
let quiet: ReturnType<typeof setTimeout> | undefined

function announce(words: string): void {
  unsaid = [...unsaid.filter(said => said !== words), words].slice(-3)
  clearTimeout(quiet)
  quiet = setTimeout(() => {
    setText(news, unsaid.join(' '))
    unsaid = []
  }, QUIET)
}
