import type { JwtClaims, Session } from 'silent-refresh'
import { shortGeneration } from '../../src/logging.ts'
import { byId, setText } from './dom.ts'
import type { Auth, User } from './types.ts'
import { clock, REASONS } from './words.ts'

const bar = byId('session', HTMLElement)
const status = byId('status', HTMLElement)
const detail = byId('status-detail', HTMLElement)
const user = byId('user', HTMLElement)
const tokenName = byId('token-name', HTMLElement)
const expiresIn = byId('expires-in', HTMLElement)
const lifetime = byId('lifetime', HTMLProgressElement)

const STATUS = { unknown: 'not known yet', authenticated: 'signed in', anonymous: 'signed out' } as const

/** The bar at the top, which is always in view. */
export function mountStatus(auth: Auth): void {
  const show = () => showSession(auth.session)
  auth.subscribe(show)
  show()
  countDown(auth)

  // The number that the panel has for this token too.
  auth.on('log', event => {
    if (event.type === 'signed-in' || event.type === 'refreshed')
      setText(tokenName, `token ${shortGeneration(event.generation)}`)
    if (event.type === 'signed-out') setText(tokenName, 'no token')
  })
}

function showSession(session: Session<JwtClaims, User>): void {
  setText(status, STATUS[session.status])
  setText(detail, inWords(session))
  const signedIn = session.status === 'authenticated' ? session : null
  setText(user, signedIn ? `as ${signedIn.user?.name ?? signedIn.claims?.name ?? 'somebody'}` : '')
  if (document.body.dataset.session === session.status) return
  // Hides the parts for other states. The focus must not be lost with them.
  const hadFocus = byId('guide', HTMLElement).querySelector('.stack')?.contains(document.activeElement)
  document.body.dataset.session = session.status
  if (hadFocus) bar.focus()
}

function inWords(session: Session<JwtClaims, User>): string {
  if (session.status === 'anonymous') return `Nobody is signed in: ${REASONS[session.reason]}.`
  const { error } = session
  if (!error) {
    return session.status === 'unknown'
      ? 'Asking the server whether somebody is still signed in.'
      : 'The token is renewed by itself before it expires.'
  }
  const next = error.retryAt === undefined ? '' : ` Next attempt at ${clock(error.retryAt)}.`
  if (session.status === 'unknown') return `Not known yet: ${error.message}${next}`
  return error.code === 'refresh_rejected'
    ? `The server refuses to renew this session. It ends with its token.${next}`
    : `Still signed in, but no new token now: ${error.message}${next}`
}

/** Once a second, on the second, while somebody is signed in and the page is visible. */
function countDown(auth: Auth): void {
  let timer: ReturnType<typeof setTimeout> | undefined
  let whole = { expiresAt: 0, life: 1 }

  function tick(): void {
    clearTimeout(timer)
    const { session } = auth
    const expiresAt = session.status === 'authenticated' ? session.expiresAt : null
    if (expiresAt === null) {
      setText(expiresIn, '')
      lifetime.value = 0
      return
    }
    const left = expiresAt - Date.now()
    if (whole.expiresAt !== expiresAt) whole = { expiresAt, life: Math.max(1, left) }
    lifetime.value = Math.max(0, left / whole.life)
    setText(expiresIn, left > 0 ? `${Math.ceil(left / 1000)} s` : 'expired')
    if (left > 0 && !document.hidden) timer = setTimeout(tick, left % 1000 || 1000)
  }

  auth.subscribe(tick)
  document.addEventListener('visibilitychange', tick)
  tick()
}
