import { isRefusal } from '../../../kernel/answer.ts'
import type { Backend } from '../backend.ts'
import { createJar, readCookie } from '../cookies.ts'
import type { Answer } from '../http.ts'
import type { Judge } from '../judge.ts'
import { tell } from '../telling.ts'
import { isOk, readTokens } from '../tokens.ts'

/** Would the client end the session? */
export const isRefused = (answer: Answer): boolean => isRefusal(answer, answer.text)

export async function checkRefusedRefreshes(backend: Backend, judge: Judge): Promise<void> {
  const none = await backend.ask('refresh')
  judge('refresh-no-cookie', none.status !== 401 && tell(none))
  const jar = createJar()
  const { refresh } = backend.settings
  const made = readCookie(`${backend.refreshCookie}=unknown; Path=/`, refresh.pathname)
  jar.store(made ? [made] : [])
  const unknown = await backend.ask('refresh', { jar, isLost: true })
  judge('refresh-unknown-cookie', unknown.status !== 401 && tell(unknown))
  for (const answer of [none, unknown]) judgeKept(backend, answer, judge)
}

/** For every refusal: a cookie that it sets, or removes, may be that of a newer session. */
export function judgeKept({ refreshCookies }: Backend, answer: Answer, judge: Judge): void {
  const [set] = refreshCookies(answer)
  judge('refresh-keeps-cookies', !isOk(answer) && set && `${answer.status} with Set-Cookie: ${set.shown}`)
}

export async function checkIssuedAt(backend: Backend, judge: Judge): Promise<void> {
  const visit = await backend.visit()
  const first = visit.tokens.claims?.iat
  if (typeof first !== 'number') return
  // Long enough for the next whole second.
  await backend.wait(1.1)
  const tokens = readTokens(await visit.refresh(), backend.settings)
  const next = typeof tokens === 'string' ? tokens : tokens.claims?.iat
  judge(
    'refresh-issued-at',
    !(typeof next === 'number' && next > first) &&
      `iat ${first} at login and ${next} at a refresh a second later`,
  )
}
