import type { Backend } from '../backend.ts'
import { covers, lifetimeOf, type SetCookie } from '../cookies.ts'
import type { Answer } from '../http.ts'
import type { Fault, Judge } from '../judge.ts'
import type { PointId } from '../point.ts'

/** In seconds. */
const HOUR = 3600
/** A refresh sets less than the login has set: the session has become older. */
const SLACK = 5

/** The cookies with tokens that these answers set. */
export function judgeCookies({ carrier, settings }: Backend, answers: readonly Answer[], judge: Judge): void {
  const { login, refresh, logout, api, me } = settings
  // A cookie that is removed has no token: a login may remove one of an older version.
  const cookiesOf = (name: 'refresh' | 'access') =>
    answers.flatMap(answer => carrier.cookies(answer, name).filter(({ isCleared }) => !isCleared))
  const refreshCookies = cookiesOf('refresh')
  const accessCookies = cookiesOf('access')
  const all = [...refreshCookies, ...accessCookies]
  const isSafeLine = login.protocol === 'https:'
  const isLoopback = /^(127\.\d+\.\d+\.\d+|localhost|.+\.localhost|\[::1\])$/.test(login.hostname)
  const judgeEach = (
    id: PointId,
    cookies: readonly SetCookie[],
    holds: (cookie: SetCookie) => boolean,
    also = '',
    words: Omit<Fault, 'seen'> = {},
  ) => {
    const bad = cookies.find(cookie => !holds(cookie))
    judge(id, bad && { ...words, seen: `Set-Cookie: ${bad.shown}${also}` })
  }
  judgeEach('cookie-http-only', all, ({ attributes }) => attributes.has('httponly'))
  const sameSite = ({ attributes }: SetCookie) => attributes.get('samesite')?.toLowerCase()
  judgeEach('cookie-same-site', all, cookie => ['strict', 'lax'].includes(sameSite(cookie) ?? ''))
  judgeEach('cookie-same-site', refreshCookies, cookie => sameSite(cookie) === 'strict', '', {
    why: 'With Lax the browser also sends the token when a link of another site leads to your server.',
  })
  judgeEach('cookie-domain', all, ({ attributes }) => !attributes.get('domain'))
  judgeEach(
    'cookie-max-age',
    refreshCookies,
    ({ attributes }) => attributes.has('max-age') || attributes.has('expires'),
  )
  judgeEach('cookie-max-age', refreshCookies, cookie => lifetimeOf(cookie) > HOUR - SLACK, '', {
    why: 'Max-Age counts seconds. Express takes maxAge in milliseconds, so a value in seconds is far too short.',
  })
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
