import type { Backend } from '../backend.ts'
import { createHeld } from '../held.ts'
import type { Answer } from '../http.ts'
import type { Judge } from '../judge.ts'
import type { EndpointName } from '../options.ts'
import type { PointId } from '../point.ts'
import { tell } from '../telling.ts'
import { isOk } from '../tokens.ts'

const NAMES: Partial<Record<EndpointName, string>> = {
  login: 'a login',
  refresh: 'a refresh',
  logout: 'a logout',
  apiPost: 'a POST to the API',
}

const EVIL = 'https://evil.example'

export async function checkOrigin(backend: Backend, judge: Judge): Promise<void> {
  const { held, refresh } = await backend.visit()
  const answers: Answer[] = []
  /** Stores no cookie: a server that accepts such a request must not disturb the next check. */
  const from = async (origin: string | null, endpoint: EndpointName, site: string | null) => {
    // A page elsewhere does not know the CSRF value for a POST to the API. The auth endpoints have to refuse it even so.
    const csrf = endpoint === 'apiPost' && { csrf: null }
    const answer = await backend.ask(endpoint, { held, isLost: true, origin, site, ...csrf })
    answers.push(answer)
    const isRejected = answer.status >= 400 && answer.status < 500
    return isRejected
      ? null
      : `${tell(answer)} for ${NAMES[endpoint]} ${origin ? `from ${origin}` : withoutOrigin(site)}`
  }
  /** A 4xx alone says little: the session itself may have ended. */
  const judgeEffect = async (id: PointId) => {
    const own = await refresh()
    judge(id, !isOk(own) && `a 4xx each time, and then ${tell(own)} for the page itself`)
  }
  for (const site of ['cross-site', 'same-site', null]) {
    judge('origin-missing', await from(null, 'refresh', site))
  }
  await judgeEffect('origin-missing')
  for (const origin of foreignOrigins(backend.settings.origin)) {
    judge('origin', await from(origin, 'refresh', origin === EVIL ? 'cross-site' : 'same-site'))
  }
  judge('origin', await from(EVIL, 'login', 'cross-site'))
  judge('origin', await from(EVIL, 'logout', 'cross-site'))
  if (backend.settings.apiPost) judge('origin', await from(EVIL, 'apiPost', 'cross-site'))
  await judgeEffect('origin')
  await judgeEcho(backend, answers, judge)
}

const withoutOrigin = (site: string | null): string =>
  site ? `without Origin and with Sec-Fetch-Site: ${site}` : 'without Origin'

/** Origins that a comparison by prefix, by suffix or with holes would let through. */
export function foreignOrigins(own: string): string[] {
  const { protocol, host, hostname, port } = new URL(own)
  const end = host.slice(hostname.length)
  // No browser sends a name that ends like an address and is none.
  const longer = /[\d\]]$/.test(hostname) ? [] : [`${protocol}//evil-${host}`]
  const ports = port ? [`${port}0`, port.slice(0, -1)].filter(isPort) : []
  return [
    EVIL,
    'null',
    ...longer,
    `${protocol}//${hostname}.evil.example${end}`,
    ...ports.map(other => `${protocol}//${hostname}:${other}`),
  ]
}

const isPort = (port: string): boolean => Number(port) > 0 && Number(port) <= 65_535

async function judgeEcho(backend: Backend, refused: readonly Answer[], judge: Judge): Promise<void> {
  const headers = { 'Access-Control-Request-Method': 'POST' }
  const given = { held: createHeld(), origin: EVIL, site: 'cross-site' }
  const others = [
    await backend.ask('refresh', { ...given, method: 'OPTIONS', headers }),
    await backend.ask('api', given),
  ]
  for (const answer of [...refused, ...others]) {
    const allowed = answer.header('Access-Control-Allow-Origin')
    const credentials = answer.header('Access-Control-Allow-Credentials')
    const isOpen = [EVIL, 'null'].includes(allowed) || (allowed === '*' && credentials === 'true')
    judge('origin-echo', isOpen && `${answer.call}: Access-Control-Allow-Origin: ${allowed}`)
  }
}
