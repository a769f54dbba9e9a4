import type { Ask, Backend, Visit } from '../backend.ts'
import { lifetimeOf, type SetCookie } from '../cookies.ts'
import { copyHeld, type Held } from '../held.ts'
import type { Answer } from '../http.ts'
import type { Judge } from '../judge.ts'
import type { PointId } from '../point.ts'
import { hintOfPath, tell } from '../telling.ts'
import { isOk } from '../tokens.ts'

/** In seconds. */
const SLACK = 5

/** A request that should be refused, and what is wrong with it. */
type Attempt = readonly [how: string, ask: Ask]

/** The double submit of cookie mode. */
export async function checkCsrf(backend: Backend, judge: Judge): Promise<void> {
  const { carrier, settings } = backend
  const visit = await backend.visit()
  const theirs = (await backend.visit()).held
  const missing = (held: Held): Attempt[] => [['without the value', { held, csrf: null }]]
  const foreign = (held: Held): Attempt[] =>
    Object.entries({
      'with the value of another session': carrier.csrf(theirs) ?? 'x',
      'with a value that was made up': 'x.y',
    }).map(([how, value]) => [how, { held: planted(held, value) }])

  function planted(held: Held, value: string): Held {
    const copy = copyHeld(held)
    copy.jar.put(settings.csrfCookie, value)
    return copy
  }

  judge('csrf-cookie', faultOfCookie(backend, visit.login))
  await judgeAuth(backend, visit, 'csrf', missing(visit.held), judge)
  await judgeAuth(backend, visit, 'csrf-planted', foreign(visit.held), judge)

  const csrf = carrier.csrf(visit.held)
  const refreshed = await visit.refresh()
  const isSet = carrier.cookies(refreshed, 'csrf').length > 0
  judge('csrf-cookie', isSet && faultOfCookie(backend, refreshed))
  const earlier = await visit.refresh({ csrf })
  judge('csrf-earlier', !isOk(earlier) && tell(earlier))
  if (settings.leftOut('csrf-api')) return
  await judgeApi(backend, visit.held, [...missing(visit.held), ...foreign(visit.held)], judge)
}

/** What is wrong with the cookie that has the value, in words. */
function faultOfCookie({ carrier, settings }: Backend, answer: Answer): string | null {
  const set = (name: 'csrf' | 'refresh') =>
    carrier.cookies(answer, name).findLast(({ isCleared }) => !isCleared)
  const cookie = set('csrf')
  if (!cookie) return `no Set-Cookie for ${settings.csrfCookie}`
  const shown = `Set-Cookie: ${cookie.shown}`
  if (cookie.attributes.has('httponly') || cookie.path !== '/') return shown
  if (!isReadable(cookie, settings.login.hostname, new URL(settings.origin).hostname)) {
    return `${shown}, and the page at ${settings.origin}`
  }
  const refresh = set('refresh')
  const isShort = refresh && lifetimeOf(cookie) < lifetimeOf(refresh) - SLACK
  return isShort ? `${shown}, and ${refresh.shown}` : null
}

/** A page of another host sees the cookie by its `Domain` alone. */
function isReadable({ attributes }: SetCookie, host: string, page: string): boolean {
  const domain = (attributes.get('domain') ?? '').replace(/^\./, '')
  return page === host || (domain !== '' && `.${page}`.endsWith(`.${domain}`))
}

async function judgeAuth(
  backend: Backend,
  visit: Visit,
  id: PointId,
  attempts: readonly Attempt[],
  judge: Judge,
): Promise<void> {
  for (const endpoint of ['refresh', 'logout'] as const) {
    for (const [how, ask] of attempts) {
      const answer = await backend.ask(endpoint, { ...ask, isLost: true })
      const isRejected = answer.status >= 400 && answer.status < 500
      judge(id, !isRejected && `${tell(answer)} for a ${endpoint} ${how}`)
    }
  }
  const own = await visit.refresh()
  judge(id, !isOk(own) && `a 4xx each time, and then ${tell(own)} for the page itself`)
}

async function judgeApi(
  backend: Backend,
  held: Held,
  attempts: readonly Attempt[],
  judge: Judge,
): Promise<void> {
  const own = await backend.ask('apiPost', { held })
  const isWelcome = ![401, 403, 404, 405].includes(own.status)
  judge('csrf-api', !isWelcome && `${tell(own)} with the right value${hintOfPath(own, 'apiPost')}`)
  for (const [how, ask] of attempts) {
    const answer = await backend.ask('apiPost', { ...ask, isLost: true })
    judge('csrf-api', answer.status !== 403 && `${tell(answer)} ${how}`)
  }
}
