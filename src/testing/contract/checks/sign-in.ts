import { type Backend, Stopped } from '../backend.ts'
import { covers, createJar, type SetCookie } from '../cookies.ts'
import type { Answer } from '../http.ts'
import type { Judge } from '../judge.ts'
import type { Settings } from '../options.ts'
import type { PointId } from '../point.ts'
import { hintOfPath, tell } from '../telling.ts'
import { faultOfLifetime, isOk, readTokens, type Tokens } from '../tokens.ts'

/** A login, and what it sets. All other checks need it. */
export async function checkLogin(backend: Backend, judge: Judge): Promise<void> {
  const { settings } = backend
  const jar = createJar()
  const login = await backend.ask('login', { jar })
  const tokens = readTokens(login, settings)
  if (typeof tokens === 'string') {
    judge('login', `${tokens}${hint(login)}`)
    throw new Stopped('a login is needed')
  }
  judge('login')
  judge('login-expires-in', faultOfLifetime(tokens))
  const cookie = findCookie(login, settings)
  judge('cookie', typeof cookie === 'string' && cookie)
  if (typeof cookie === 'string') throw new Stopped('a refresh cookie is needed')
  backend.refreshCookie = cookie.name
  judge('login-body', faultOfBody(login, cookie.value))
  const refresh = await backend.ask('refresh', { jar })
  judgeCookies([cookie, ...backend.refreshCookies(refresh)], settings, judge)
  judgeRefresh({ login: tokens, before: cookie.value, answer: refresh, backend, judge })
  if (!isOk(refresh)) throw new Stopped('a refresh is needed')
}

/** What to try, where the answer does not say it. */
function hint(answer: Answer): string {
  const { status } = answer
  if (status === 401) return '. Are the credentials ("user", "password") and the path ("login") right?'
  if (status === 403) return '. Does the server know the origin? It is "origin"'
  if (status === 400 || status === 422) {
    return '. Are the fields right? They are "userField", "passwordField", "loginFields" and "form"'
  }
  if (status === 429) return '. The contract logs in about a dozen times: allow that for the run'
  return hintOfPath(answer, 'login')
}

/** The cookie with the refresh token, or in words why it cannot be found. */
function findCookie({ cookies }: Answer, { cookie: asked }: Settings): SetCookie | string {
  const set = cookies.filter(({ isCleared }) => !isCleared)
  const names = set.map(({ name }) => name)
  if (names.length === 0) return 'a login that sets no cookie'
  const found = asked
    ? set.filter(({ name }) => name === asked)
    : set.length === 1
      ? set
      : set.filter(({ name }) => /refresh/i.test(name))
  if (found.length === 1 && found[0]) return found[0]
  return `the cookies ${names.join(', ')}. Name the one with the refresh token with "cookie"`
}

function faultOfBody({ text, body }: Answer, refreshToken: string): string | null {
  const field = ['refresh_token', 'refreshToken'].find(name => (body as Record<string, unknown>)[name])
  if (field) return `the field ${field}`
  return refreshToken && text.includes(refreshToken) ? 'the value of the refresh cookie in the body' : null
}

function judgeCookies(cookies: readonly SetCookie[], settings: Settings, judge: Judge): void {
  const { login, refresh, logout, api } = settings
  const isSafeLine = login.protocol === 'https:'
  const isLoopback = /^(127\.\d+\.\d+\.\d+|localhost|.+\.localhost|\[::1\])$/.test(login.hostname)
  const judgeEach = (id: PointId, holds: (cookie: SetCookie) => boolean, also = '') => {
    const bad = cookies.find(cookie => !holds(cookie))
    judge(id, bad && `Set-Cookie: ${bad.shown}${also}`)
  }
  judgeEach('cookie-http-only', ({ attributes }) => attributes.has('httponly'))
  judgeEach('cookie-same-site', ({ attributes }) => /^(strict|lax)$/i.test(attributes.get('samesite') ?? ''))
  judgeEach('cookie-domain', ({ attributes }) => !attributes.get('domain'))
  judgeEach('cookie-max-age', ({ attributes }) => attributes.has('max-age') || attributes.has('expires'))
  judgeEach(
    'cookie-path',
    ({ name, path, attributes }) =>
      covers(path, refresh.pathname) &&
      covers(path, logout.pathname) &&
      (name.startsWith('__Host-') ? attributes.get('path') === '/' : !covers(path, api.pathname)),
    ` (refresh ${refresh.pathname}, logout ${logout.pathname}, API ${api.pathname})`,
  )
  judgeEach(
    'cookie-secure',
    ({ name, attributes }) =>
      attributes.has('secure') || (!isSafeLine && isLoopback && !/^__(host|secure)-/i.test(name)),
    isSafeLine || isLoopback ? '' : `, and the address ${login.origin}`,
  )
}

interface FirstRefresh {
  readonly login: Tokens
  readonly before: string
  readonly answer: Answer
  readonly backend: Backend
  readonly judge: Judge
}

function judgeRefresh({ login, before, answer, backend, judge }: FirstRefresh): void {
  const tokens = readTokens(answer, backend.settings)
  judge('refresh', typeof tokens === 'string' && `${tokens}${hintOfPath(answer, 'refresh')}`)
  if (typeof tokens === 'string') return
  judge('login-expires-in', faultOfLifetime(tokens))
  const [next] = backend.refreshCookies(answer)
  judge('refresh-rotation', next ? next.value === before && 'the same value again' : 'no Set-Cookie')
  judge('login-body', faultOfBody(answer, next?.value ?? ''))
  judge('refresh-user', login.user !== undefined && tokens.user === undefined && 'a user in the login alone')
}

export async function checkRefusedLogins(backend: Backend, judge: Judge): Promise<void> {
  const { userField, passwordField, user, password, form } = backend.settings
  const wrong = await backend.ask('login', {
    fields: { [userField]: user, [passwordField]: `not ${password}` },
  })
  const sets = wrong.cookies.find(({ isCleared }) => !isCleared)
  judge('login-wrong-password', wrong.status !== 401 ? tell(wrong) : sets && `Set-Cookie: ${sets.shown}`)
  const unknown = await backend.ask('login', {
    fields: { [userField]: `nobody-${user}`, [passwordField]: password },
  })
  const same = unknown.status === wrong.status && unknown.text === wrong.text
  judge(
    'login-unknown-user',
    !same && `${tell(wrong)} for a wrong password, ${tell(unknown)} for no such user`,
  )
  for (const text of form ? ['', 'a'] : ['{', '{}', '[]', '']) {
    const answer = await backend.ask('login', { text })
    judge(
      'login-malformed',
      (answer.status < 400 || answer.status > 499) && `${tell(answer)} for the body ${JSON.stringify(text)}`,
    )
  }
}
