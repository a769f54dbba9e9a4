import type { Backend, Received } from '../backend.ts'
import type { Judge } from '../judge.ts'
import type { PointId } from '../point.ts'
import { tell } from '../telling.ts'

/** What holds for every answer. The last of the checks: it looks at what the others have received. */
export function checkAnswers({ received, limit }: Backend, judge: Judge): void {
  if (limit) throw limit
  const own = received.filter(({ method }) => method !== 'OPTIONS')
  judgeAll(own, 'no-store', judge, ({ answer }) =>
    /\bno-store\b/i.test(answer.header('Cache-Control')) ? null : answer.header('Cache-Control') || 'none',
  )
  const errors = own.filter(({ answer }) => answer.status >= 400)
  judgeAll(errors, 'error-bodies', judge, ({ answer: { body, status, text } }) =>
    typeof body === 'object' && body !== null && !Array.isArray(body) ? null : tell({ status, text }),
  )
}

/** Names each call once, with what was seen first. */
function judgeAll(
  all: readonly Received[],
  id: PointId,
  judge: Judge,
  faultOf: (received: Received) => string | null,
): void {
  const faults = new Map<string, string>()
  for (const one of all) {
    const fault = faultOf(one)
    const call = `${one.answer.call} (${one.answer.status})`
    if (fault !== null && !faults.has(call)) faults.set(call, fault)
  }
  judge(id, faults.size > 0 && [...faults].map(([call, fault]) => `${call}: ${fault}`).join('; '))
}
