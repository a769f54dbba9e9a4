import type { Backend } from '../backend.ts'
import type { Answer } from '../http.ts'
import type { Fault, Judge } from '../judge.ts'
import { hintOfPath, tell } from '../telling.ts'
import { isOk } from '../tokens.ts'

export async function checkApi(backend: Backend, judge: Judge): Promise<void> {
  const { held, tokens } = await backend.reader()
  const { travels, replaced } = backend.carrier
  const ask = (token: string) => backend.ask('api', { held: replaced(held, 'access', token) })
  const isByCookie = travels.access === 'cookie'
  const good = await backend.ask('api', { held })
  judge('api', !isOk(good) && `${tell(good)}${hintOfPath(backend.settings, good, 'api')}`)
  judge('api-no-token', faultOfRefusal(await ask(''), !isByCookie && /\bbearer\b/i))
  const challenge = !isByCookie && /\bbearer\b.*\berror="?invalid_token/i
  judge('api-bad-token', faultOfRefusal(await ask('not-a-token'), challenge))
  for (const [how, forged] of forge(tokens.accessToken, tokens.claims)) {
    const answer = await ask(forged)
    judge('api-forged-token', answer.status !== 401 && `${tell(answer)} for a token ${how}`)
  }
}

function faultOfRefusal(answer: Answer, challenge: RegExp | false): string | Fault | null {
  if (answer.status !== 401) return tell(answer)
  const given = answer.header('WWW-Authenticate')
  if (!challenge || challenge.test(given)) return null
  return {
    seen: `401 ${given ? `with WWW-Authenticate: ${given}` : 'without WWW-Authenticate'}`,
    why: 'RFC 6750 §3 requires this header. By it the client knows whether a new token would help.',
  }
}

function forge(token: string, claims: object | null): [how: string, token: string][] {
  const encode = (part: object) => Buffer.from(JSON.stringify(part)).toString('base64url')
  if (!claims) return [['that was changed', `${token.slice(0, -1)}${token.endsWith('A') ? 'B' : 'A'}`]]
  const [header, , signature] = token.split('.')
  const payload = encode({ ...claims, sub: 'somebody-else' })
  return [
    ['that was changed', `${header}.${payload}.${signature}`],
    ['without a signature', `${encode({ alg: 'none', typ: 'JWT' })}.${payload}.`],
  ]
}
