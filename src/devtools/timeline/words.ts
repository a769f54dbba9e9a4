import { shortGeneration } from '../../logging.ts'
import { capitalized, clock, nameOfTab } from '../journal.ts'
import type { History, Lane, Life, Mark, Request, Spell } from './history.ts'

export const laneName = ({ id, isClosed }: Lane, here: string): string =>
  `${capitalized(nameOfTab(id, here))}${isClosed ? ' (closed)' : ''}`

/** A mark in a sentence or two. */
export function inWords(mark: Mark, history: History, nameOf: (lane: Lane) => string): string {
  const where = `${clock(mark.at)}, ${nameOf(mark.lane)}: `
  if (mark.kind === 'request') return where + requestInWords(mark)
  if (mark.kind === 'life') return where + lifeInWords(mark, history, nameOf)
  if (mark.kind === 'spell') return where + spellInWords(mark)
  return `${where}${/[.!?]$/.test(mark.words) ? mark.words : `${mark.words}.`}`
}

function requestInWords(request: Request): string {
  const { at, method, path, answeredAt, status, note, replayOf } = request
  const what = `${method} ${path}`
  const again = replayOf ? ' It repeats a request that was refused with 401.' : ''
  const took = `after ${Math.max(0, Math.round(answeredAt - at))} ms`
  if (status === 0) return `${what} got no answer: the connection ended ${took}.${again}`
  return `${what} was answered with ${status} ${took}${note && ` (${note})`}.${again}`
}

function lifeInWords(life: Life, history: History, nameOf: (lane: Lane) => string): string {
  const { expiresAt, aheadAt, until, handed } = life
  const origin = history.originOf(life)
  const source = handed ? `, handed over by ${origin ? nameOf(origin.lane) : 'another tab'},` : ''
  const end = until < expiresAt ? ` It was given up at ${clock(until)}.` : ''
  return `token ${shortGeneration(life.generation)}${source} expires at ${clock(expiresAt)} and is renewed from ${clock(aheadAt)} on.${end}`
}

function spellInWords({ at, until, words }: Spell): string {
  if (until === null) return `${words}. This goes on.`
  const ms = Math.round(until - at)
  return `${words}. This ended at ${clock(until)}, after ${ms < 10_000 ? `${ms} ms` : `${Math.round(ms / 1_000)} s`}.`
}
