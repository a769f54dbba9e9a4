import type { Answer } from './http.ts'
import type { ContractOptions, Settings } from './options.ts'

const LIMIT = 160
/** Long enough to be a token, a hash or a key. */
const SECRET = /[\w.~+/=-]{24,}/g

/** Without what may be a token. */
const masked = (text: string): string => text.replaceAll(SECRET, '…')

/** `401 {"error":"invalid_token"}` */
export function tell({ status, text }: Pick<Answer, 'status' | 'text'>): string {
  const shown = masked(text).replace(/\s+/g, ' ').trim()
  const short = shown.length > LIMIT ? `${shown.slice(0, LIMIT)}…` : shown
  return short ? `${status} ${short}` : `${status} without a body`
}

/** What to try if the tokens are not where the mode has them. */
export const hintOfMode = ({ nameOf }: Settings): string =>
  `. Do the tokens travel another way? Name it with ${nameOf('mode')}`

/** What to try if the server has nothing at this path. `option`: the one that names it. */
export const hintOfPath = (
  { nameOf }: Settings,
  { status, call }: Pick<Answer, 'status' | 'call'>,
  option: keyof ContractOptions,
): string =>
  status === 404 || status === 405
    ? `. Is ${call.split(' ')[1]} the right path? Name another one with ${nameOf(option)}`
    : ''
