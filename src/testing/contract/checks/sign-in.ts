import { readStandard } from '../../../kernel/answer.ts'
import { type Backend, Stopped } from '../backend.ts'
import type { Answer } from '../http.ts'
import type { Judge } from '../judge.ts'
import type { Settings } from '../options.ts'
import { hintOfMode, hintOfPath, tell } from '../telling.ts'
import { faultOfLifetime, isOk, type Tokens } from '../tokens.ts'
import { faultOfCsrfCookie } from './csrf-cookie.ts'
import { judgeCookies } from './token-cookies.ts'

export const NO_LOGIN = 'a login is needed'

/** A login, and what it gives. All other checks need it. */
export async function checkLogin(backend: Backend, judge: Judge): Promise<void> {
  const { carrier, first: held } = backend
  const login = await backend.ask('login', { held })
  const tokens = carrier.read(login)
  if (typeof tokens === 'string') {
    judge('login', `${tokens}${hint(backend.settings, login)}`)
    throw new Stopped(NO_LOGIN)
  }
  judge('login', faultOfFields(backend, login))
  judge('login-expires-in', faultOfLifetime(tokens))
  const missing = tokens.refreshToken ? null : whyMissing(backend, login)
  judge('cookie', missing)
  judge('login-refresh-token', missing)
  if (missing) throw new Stopped('a refresh token is needed')
  judge('login-body', faultOfBody(backend, login, tokens))
  judge('csrf-cookie', faultOfCsrfCookie(backend, login))
  const refresh = await backend.ask('refresh', { held: carrier.expired(held) })
  const isCsrfSet = carrier.cookies(refresh, 'csrf').length > 0
  judge('csrf-cookie', isCsrfSet && faultOfCsrfCookie(backend, refresh))
  judgeCookies(backend, [login, refresh], judge)
  judgeRefresh({ login: tokens, answer: refresh, backend, judge })
  if (!isOk(refresh)) throw new Stopped('a refresh is needed')
}

/** If the tokens are in cookies, the body may be empty. In any other body the client has to know a field. */
function faultOfFields({ carrier, settings }: Backend, answer: Answer): string | null {
  const { body } = answer
  const isKnown = body == null || readStandard(body, new Response(), 'login') !== undefined
  const isRead = carrier.travels.access === 'header' || settings.expiresField !== undefined
  return isRead || isKnown ? null : `${tell(answer)}, in which the client knows no field`
}

/** What to try, where the answer does not say it. */
function hint(settings: Settings, answer: Answer): string {
  const { nameOf, origin } = settings
  const { status } = answer
  const [user, password, path] = [nameOf('user'), nameOf('password'), nameOf('login')]
  if (status === 401) return `. Are the credentials (${user}, ${password}) and the path (${path}) right?`
  if (status === 403) return `. The check sent Origin: ${origin}. Name yours with ${nameOf('origin')}`
  if (status === 400 || status === 422) {
    const fields = [nameOf('userField'), nameOf('passwordField'), nameOf('loginFields')].join(', ')
    return `. Are the fields right? They are ${fields} and ${nameOf('form')}`
  }
  return hintOfPath(settings, answer, 'login')
}

/** Why the refresh token of a login cannot be found, in words. */
function whyMissing({ carrier, settings }: Backend, { status, body, cookies }: Answer): string {
  if (carrier.travels.refresh === 'body') {
    const fields = Object.keys(Object(body)).join(', ')
    return `${status} with the fields ${fields}. Name the one with the refresh token with ${settings.nameOf('refreshField')}`
  }
  const names = cookies.filter(({ isCleared }) => !isCleared).map(({ name }) => name)
  return names.length === 0
    ? `a login that sets no cookie${hintOfMode(settings)}`
    : `the cookies ${names.join(', ')}. Name the one with the refresh token with ${settings.nameOf('cookie')}`
}

const FIELDS = {
  refresh: ['refresh_token', 'refreshToken'],
  access: ['access_token', 'accessToken'],
} as const

/** A token that belongs in a cookie. */
function faultOfBody({ carrier }: Backend, { text, body }: Answer, tokens: Tokens): string | null {
  for (const name of ['refresh', 'access'] as const) {
    if (carrier.travels[name] !== 'cookie') continue
    const field = FIELDS[name].find(one => Object(body)[one])
    if (field) return `the field ${field}`
    const token = tokens[`${name}Token`]
    if (token && text.includes(token)) return `the value of the ${name} cookie in the body`
  }
  return null
}

interface FirstRefresh {
  readonly login: Tokens
  readonly answer: Answer
  readonly backend: Backend
  readonly judge: Judge
}

function judgeRefresh({ login, answer, backend, judge }: FirstRefresh): void {
  const tokens = backend.carrier.read(answer)
  judge('refresh', typeof tokens === 'string' && `${tokens}${hintOfRefresh(backend, answer)}`)
  if (typeof tokens === 'string') return
  const { refreshToken } = tokens
  judge('login-expires-in', faultOfLifetime(tokens))
  judge(
    'refresh-rotation',
    refreshToken ? refreshToken === login.refreshToken && 'the same value again' : 'no refresh token',
  )
  judge('login-body', faultOfBody(backend, answer, tokens))
  judge('refresh-user', login.user !== undefined && tokens.user === undefined && 'a user in the login alone')
}

function hintOfRefresh({ settings }: Backend, answer: Answer): string {
  const { mode, csrfCookie, csrfHeader, nameOf } = settings
  const { status } = answer
  if (mode === 'cookie' && status === 403) {
    const names = `${nameOf('csrfCookie')} and ${nameOf('csrfHeader')}`
    return `. Is the CSRF value in ${csrfCookie} and ${csrfHeader}? Name others with ${names}`
  }
  if (mode === 'body' && (status === 400 || status === 401 || status === 422)) {
    return `. Is the field of the refresh token right? Name another one with ${nameOf('refreshField')}`
  }
  return hintOfPath(settings, answer, 'refresh')
}

export async function checkWrongPassword(backend: Backend, judge: Judge): Promise<Answer> {
  const { userField, passwordField, user, password } = backend.settings
  const wrong = await backend.ask('login', {
    fields: { [userField]: user, [passwordField]: `not ${password}` },
  })
  const sets = wrong.cookies.find(({ isCleared }) => !isCleared)
  judge('login-wrong-password', wrong.status !== 401 ? tell(wrong) : sets && `Set-Cookie: ${sets.shown}`)
  return wrong
}

export async function checkRefusedLogins(backend: Backend, judge: Judge): Promise<void> {
  const { userField, passwordField, user, password, form } = backend.settings
  const wrong = await checkWrongPassword(backend, judge)
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
