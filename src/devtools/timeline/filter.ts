import { type Mark, outcomeOf } from './history.ts'

/** What of a timeline is drawn: the marks of one topic, and of those the ones whose words contain the text. */
export interface Filter {
  readonly topic: Topic
  readonly text: string
}

/** By their names in the panel. */
export const TOPICS = {
  all: 'Everything',
  requests: 'Requests',
  refreshes: 'Refreshes',
  failures: 'Failures',
  tokens: 'Tokens and sign-ins',
  waits: 'Waits for another tab',
  page: 'Network and page',
} as const
export type Topic = keyof typeof TOPICS

const BAD = ['refused', 'failed', 'unanswered']

const MATCHES: Readonly<Record<Topic, (mark: Mark) => boolean>> = {
  all: () => true,
  requests: ({ kind }) => kind === 'request',
  refreshes: mark => mark.kind === 'request' && mark.refreshes,
  failures: mark =>
    mark.kind === 'request'
      ? BAD.includes(outcomeOf(mark))
      : mark.kind === 'note' && ['warn', 'bad'].includes(mark.tone),
  tokens: ({ kind }) => ['life', 'signed-in', 'signed-out'].includes(kind),
  waits: mark =>
    mark.kind === 'spell' ? mark.what === 'wait' : mark.kind === 'note' && mark.about === 'wait',
  page: mark =>
    mark.kind === 'spell' ? mark.what !== 'wait' : mark.kind === 'note' && mark.about === 'page',
}

/** `wordsOf`: what the timeline says of a mark. Asked for once, unless more may be to say. `null`: everything is drawn. */
export function createMatcher(
  { topic, text }: Filter,
  wordsOf: (mark: Mark) => string,
): ((mark: Mark) => boolean) | null {
  const wanted = text.trim().toLowerCase()
  if (topic === 'all' && wanted === '') return null
  const known = new WeakMap<Mark, boolean>()

  return mark => {
    const before = known.get(mark)
    if (before !== undefined) return before
    const found = MATCHES[topic](mark) && (wanted === '' || wordsOf(mark).toLowerCase().includes(wanted))
    if (!canChange(mark)) known.set(mark, found)
    return found
  }
}

/** What lasts says something else once it has ended. */
const canChange = ({ kind }: Mark): boolean => kind === 'life' || kind === 'spell'
