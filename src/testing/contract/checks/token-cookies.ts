import type { Backend } from '../backend.ts'
import { covers, type SetCookie } from '../cookies.ts'
import type { Answer } from '../http.ts'
import type { Judge } from '../judge.ts'
import type { PointId } from '../point.ts'

/** The cookies with tokens that these answers set. */
export function judgeCookies({ carrier, settings }: Backend, answers: readonly Answer[], judge: Judge): void {
  const { login, refresh, logout, api, me } = settings
  const refreshCookies = answers.flatMap(answer => carrier.cookies(answer, 'refresh'))
  const accessCookies = answers.flatMap(answer => carrier.cookies(answer, 'access'))
  const all = [...refreshCookies, ...accessCookies]
  const isSafeLine = login.protocol === 'https:'
  const isLoopback = /^(127\.\d+\.\d+\.\d+|localhost|.+\.localhost|\[::1\])$/.test(login.hostname)
  const judgeEach = (
    id: PointId,
    cookies: readonly SetCookie[],
    holds: (cookie: SetCookie) => boolean,
    also = '',
  ) => {
    const bad = cookies.find(cookie => !holds(cookie))
    judge(id, bad && `Set-Cookie: ${bad.shown}${also}`)
  }
  judgeEach('cookie-http-only', all, ({ attributes }) => attributes.has('httponly'))
  judgeEach('cookie-same-site', all, ({ attributes }) =>
    /^(strict|lax)$/i.test(attributes.get('samesite') ?? ''),
  )
  judgeEach('cookie-domain', all, ({ attributes }) => !attributes.get('domain'))
  judgeEach(
    'cookie-max-age',
    refreshCookies,
    ({ attributes }) => attributes.has('max-age') || attributes.has('expires'),
  )
  const isNarrow = ({ name, path, attributes }: SetCookie) =>
    name.startsWith('__Host-') ? attributes.get('path') === '/' : !covers(path, api.pathname)
  judgeEach(
    'cookie-path',
    refreshCookies,
    cookie =>
      covers(cookie.path, refresh.pathname) && covers(cookie.path, logout.pathname) && isNarrow(cookie),
    ` (refresh ${refresh.pathname}, logout ${logout.pathname}, API ${api.pathname})`,
  )
  judgeEach(
    'cookie-path',
    accessCookies,
    ({ path }) => covers(path, api.pathname) && covers(path, me.pathname),
    ` (API ${api.pathname}, user endpoint ${me.pathname})`,
  )
  judgeEach(
    'cookie-secure',
    all,
    ({ name, attributes }) =>
      attributes.has('secure') || (!isSafeLine && isLoopback && !/^__(host|secure)-/i.test(name)),
    isSafeLine || isLoopback ? '' : `, and the address ${login.origin}`,
  )
}
