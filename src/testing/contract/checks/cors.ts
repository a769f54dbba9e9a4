import type { Backend } from '../backend.ts'
import type { Answer } from '../http.ts'
import type { Judge } from '../judge.ts'
import { ENDPOINTS, type EndpointName } from '../options.ts'
import type { PointId } from '../point.ts'
import { isOk } from '../tokens.ts'

const EXPOSED = ['date', 'www-authenticate', 'retry-after']

export async function checkCors(backend: Backend, judge: Judge): Promise<void> {
  const { origin } = backend.settings
  for (const endpoint of ENDPOINTS) {
    const wanted = endpoint === 'api' ? ['authorization'] : endpoint === 'login' ? ['content-type'] : []
    const headers = {
      'Access-Control-Request-Method': endpoint === 'api' ? 'GET' : 'POST',
      ...(wanted.length > 0 && { 'Access-Control-Request-Headers': wanted.join(', ') }),
    }
    const preflight = await backend.ask(endpoint, { method: 'OPTIONS', headers })
    const allowed = listOf(preflight, 'Access-Control-Allow-Headers')
    const missing = wanted.filter(name => !allowed.includes(name))
    const fault = isOk(preflight)
      ? (faultOfAnswer(preflight, endpoint, origin) ??
        (missing.length > 0 && `Access-Control-Allow-Headers without ${missing.join(', ')}`))
      : `${preflight.status}`
    judge('cors-preflight', fault && `${preflight.call}: ${fault}`)
  }

  const { jar, login, tokens } = await backend.visit()
  const refused = await backend.ask('refresh')
  const unauthorized = await backend.ask('api', { token: 'not-a-token' })
  const answers: readonly (readonly [Answer, EndpointName])[] = [
    [login, 'login'],
    [await backend.ask('refresh', { jar }), 'refresh'],
    [await backend.ask('api', { jar, token: tokens.accessToken }), 'api'],
    [await backend.ask('logout', { jar }), 'logout'],
  ]
  for (const [answer, endpoint] of answers) judgeAnswer('cors-answers', answer, endpoint)
  judgeAnswer('cors-errors', refused, 'refresh')
  judgeAnswer('cors-errors', unauthorized, 'api')
  for (const answer of [refused, unauthorized]) {
    const exposed = listOf(answer, 'Access-Control-Expose-Headers')
    const missing = EXPOSED.filter(name => !exposed.includes(name))
    judge('cors-expose', missing.length > 0 && `${answer.call} (${answer.status}): not ${missing.join(', ')}`)
  }

  function judgeAnswer(id: PointId, answer: Answer, endpoint: EndpointName): void {
    const varies = /origin|\*/i.test(answer.header('Vary'))
    const fault = faultOfAnswer(answer, endpoint, origin) ?? (varies ? null : 'no Vary: Origin')
    judge(id, fault && `${answer.call} (${answer.status}): ${fault}`)
  }
}

function faultOfAnswer(answer: Answer, endpoint: EndpointName, origin: string): string | null {
  const allowed = answer.header('Access-Control-Allow-Origin')
  if (allowed !== origin) return `Access-Control-Allow-Origin: ${allowed || '(none)'}`
  const credentials = answer.header('Access-Control-Allow-Credentials')
  // The API gets a header. The auth endpoints get a cookie.
  return endpoint === 'api' || credentials === 'true' ? null : 'no Access-Control-Allow-Credentials: true'
}

const listOf = (answer: Answer, name: string): string[] =>
  answer
    .header(name)
    .split(',')
    .map(part => part.trim().toLowerCase())
