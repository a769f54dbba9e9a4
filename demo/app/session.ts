import type { JwtClaims, Session } from 'silent-refresh'
import { byId, create, setText } from './dom.ts'
import { onPress } from './result.ts'
import type { Auth, User } from './types.ts'
import { authErrorInWords, clock, plural, REASONS } from './words.ts'

const status = byId('status', HTMLElement)
const detail = byId('status-detail', HTMLElement)
const user = byId('user', HTMLElement)
const expiresIn = byId('expires-in', HTMLElement)
const claimsTable = byId('claims', HTMLTableElement)
const lifetime = byId('lifetime', HTMLProgressElement)
const account = byId('account', HTMLElement)

/** What is shown is always `auth.session`, and nothing else. */
export function mountSession(auth: Auth): void {
  const show = () => showSession(auth.session)
  auth.subscribe(show)
  show()
  countDown(auth)

  onPress('refresh', 'Refresh', async () => {
    const { expiresAt } = await auth.refresh()
    return expiresAt === null ? 'a new token' : `a new token, good until ${clock(expiresAt)}`
  })
  onPress('get-token', 'Get access token', async () => {
    const token = await auth.getAccessToken()
    return token ? plural(token.length, 'character') : 'none: nobody is signed in'
  })
  onPress('logout', 'Log out', async () => {
    const { revoked, error } = await auth.logout()
    if (revoked) return 'signed out, and the server has confirmed it'
    return `signed out here, but not on the server${error ? ` (${authErrorInWords(error)})` : ''}`
  })
}

function showSession(session: Session<JwtClaims, User>): void {
  setText(status, session.status)
  setText(detail, inWords(session))
  showPanel(session.status)
  const signedIn = session.status === 'authenticated' ? session : null
  setText(user, signedIn ? String(signedIn.user?.name ?? signedIn.claims?.name ?? 'somebody') : 'nobody')
  showClaims(signedIn?.claims ?? null)
}

/** What is not for this state is hidden; the focus must not go with it. */
function showPanel(state: Session['status']): void {
  if (document.body.dataset.session === state) return
  const hadFocus = account.contains(document.activeElement)
  document.body.dataset.session = state
  if (hadFocus) account.focus()
}

function inWords(session: Session<JwtClaims, User>): string {
  if (session.status === 'anonymous') return `Nobody is signed in: ${REASONS[session.reason]}.`
  const { error } = session
  if (!error) {
    return session.status === 'unknown'
      ? 'Asking the server whether somebody is still signed in.'
      : 'The token is renewed by itself before it expires.'
  }
  const { code, message, retryAt } = error
  const next = retryAt === undefined ? '' : ` The next attempt is at ${clock(retryAt)}.`
  if (session.status === 'unknown') return `Not known yet (${code}). ${message}${next}`
  return code === 'refresh_rejected'
    ? `The server refuses to renew this session: it ends with its token. ${message}${next}`
    : `Still signed in, but the token cannot be renewed now (${code}). ${message}${next}`
}

const TIMES = ['exp', 'iat', 'nbf']

function showClaims(claims: JwtClaims | null): void {
  const rows = Object.entries(claims ?? {}).map(([name, value]) => {
    const text = typeof value === 'string' ? value : JSON.stringify(value)
    const time = TIMES.includes(name) && typeof value === 'number' ? ` (${clock(value * 1000)})` : ''
    return create('tr', {}, create('th', { scope: 'row' }, name), create('td', {}, text + time))
  })
  claimsTable.tBodies[0]?.replaceChildren(...rows)
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
      setText(expiresIn, session.status === 'authenticated' ? 'not known' : '–')
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
