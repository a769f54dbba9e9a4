import { type Backend, methodOf } from '../backend.ts'
import { createHeld, type Held } from '../held.ts'
import type { Answer } from '../http.ts'
import type { Judge } from '../judge.ts'
import type { EndpointName } from '../options.ts'
import type { PointId } from '../point.ts'
import { isOk } from '../tokens.ts'

const EXPOSED = ['date', 'www-authenticate', 'retry-after']

export async function checkCors(backend: Backend, judge: Judge): Promise<void> {
  const { carrier, settings } = backend
  const { held, login } = await backend.visit()
  const user: EndpointName[] = carrier.travels.access === 'cookie' ? ['me'] : []
  const unsafe: EndpointName[] = settings.apiPost ? ['apiPost'] : []
  for (const endpoint of ['login', 'refresh', 'logout', ...user, 'api', ...unsafe] as const) {
    judge('cors-preflight', await faultOfPreflight(backend, endpoint, held))
  }

  const refused = await backend.ask('refresh', { held: createHeld() })
  const unauthorized = await backend.ask('api', { held: carrier.replaced(held, 'access', 'not-a-token') })
  judgeAnswer('cors-answers', login, 'login')
  for (const endpoint of ['refresh', ...user, 'api', 'logout'] as const) {
    judgeAnswer('cors-answers', await backend.ask(endpoint, { held }), endpoint)
  }
  judgeAnswer('cors-errors', refused, 'refresh')
  judgeAnswer('cors-errors', unauthorized, 'api')
  for (const answer of [refused, unauthorized]) {
    const exposed = listOf(answer, 'Access-Control-Expose-Headers')
    const missing = EXPOSED.filter(name => !exposed.includes(name))
    judge('cors-expose', missing.length > 0 && `${answer.call} (${answer.status}): not ${missing.join(', ')}`)
  }

  function judgeAnswer(id: PointId, answer: Answer, endpoint: EndpointName): void {
    const varies = /origin|\*/i.test(answer.header('Vary'))
    const fault = faultOfAnswer(backend, answer, endpoint) ?? (varies ? null : 'no Vary: Origin')
    judge(id, fault && `${answer.call} (${answer.status}): ${fault}`)
  }
}

/** The page asks for the headers that the client adds, unless the browser lets every page send them. */
async function faultOfPreflight(
  backend: Backend,
  endpoint: EndpointName,
  held: Held,
): Promise<string | null> {
  const { headers: carried, json } = backend.carrier.carry(endpoint, held)
  const isJson = json || (endpoint === 'login' && !backend.settings.form)
  const wanted = [
    ...(isJson ? ['content-type'] : []),
    ...Object.keys(carried).map(name => name.toLowerCase()),
  ]
  const preflight = await backend.ask(endpoint, {
    method: 'OPTIONS',
    headers: {
      'Access-Control-Request-Method': methodOf(endpoint),
      ...(wanted.length > 0 && { 'Access-Control-Request-Headers': wanted.join(', ') }),
    },
  })
  const allowed = listOf(preflight, 'Access-Control-Allow-Headers')
  const missing = wanted.filter(name => !allowed.includes(name))
  const fault = isOk(preflight)
    ? (faultOfAnswer(backend, preflight, endpoint) ??
      (missing.length > 0 && `Access-Control-Allow-Headers without ${missing.join(', ')}`))
    : `${preflight.status}`
  return fault ? `${preflight.call}: ${fault}` : null
}

function faultOfAnswer(
  { carrier, settings }: Backend,
  answer: Answer,
  endpoint: EndpointName,
): string | null {
  const allowed = answer.header('Access-Control-Allow-Origin')
  if (allowed !== settings.origin) return `Access-Control-Allow-Origin: ${allowed || '(none)'}`
  // The client sends cookies to the auth endpoints, and to the API in cookie mode alone.
  const hasCookies = endpoint !== 'api' || carrier.travels.access === 'cookie'
  const credentials = answer.header('Access-Control-Allow-Credentials')
  return !hasCookies || credentials === 'true' ? null : 'no Access-Control-Allow-Credentials: true'
}

const listOf = (answer: Answer, name: string): string[] =>
  answer
    .header(name)
    .split(',')
    .map(part => part.trim().toLowerCase())
