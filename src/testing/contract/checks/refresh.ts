import { isRefusal } from '../../../kernel/answer.ts'
import type { Backend } from '../backend.ts'
import { createHeld } from '../held.ts'
import type { Answer } from '../http.ts'
import type { Judge } from '../judge.ts'
import { tell } from '../telling.ts'
import { isOk } from '../tokens.ts'

/** Would the client end the session? */
export const isRefused = (answer: Answer): boolean => isRefusal(answer, answer.text)

export async function checkRefusedRefreshes(backend: Backend, judge: Judge): Promise<void> {
  const { carrier } = backend
  // In cookie mode the check of the CSRF value may come first, whose refusal is a 403.
  const isSeen = (answer: Answer) =>
    carrier.travels.access === 'cookie' ? isRefused(answer) : answer.status === 401
  const none = await backend.ask('refresh', { held: createHeld() })
  judge('refresh-no-token', !isSeen(none) && tell(none))
  const held = carrier.replaced(createHeld(), 'refresh', 'unknown')
  const unknown = await backend.ask('refresh', { held, isLost: true })
  judge('refresh-unknown-token', !isSeen(unknown) && tell(unknown))
  for (const answer of [none, unknown]) judgeKept(backend, answer, judge)
}

/** For every refusal: a cookie that it sets, or removes, may be that of a newer session. */
export function judgeKept({ carrier }: Backend, answer: Answer, judge: Judge): void {
  const names = ['refresh', 'access', 'csrf'] as const
  const [set] = names.flatMap(name => carrier.cookies(answer, name))
  judge('refresh-keeps-cookies', !isOk(answer) && set && `${answer.status} with Set-Cookie: ${set.shown}`)
}

export async function checkIssuedAt(backend: Backend, judge: Judge): Promise<void> {
  const visit = await backend.visit()
  const first = visit.tokens.claims?.iat
  if (typeof first !== 'number') return
  // Long enough for the next whole second.
  await backend.wait(1.1)
  const tokens = backend.carrier.read(await visit.refresh())
  const next = typeof tokens === 'string' ? tokens : tokens.claims?.iat
  judge(
    'refresh-issued-at',
    !(typeof next === 'number' && next > first) &&
      `iat ${first} at login and ${next} at a refresh a second later`,
  )
}
