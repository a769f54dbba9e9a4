import { within } from '../../kernel/abort.ts'
import type { Channel } from '../../kernel/environment.ts'
import type { Kernel } from '../../kernel/feature.ts'
import { lastSerial } from '../../kernel/stamp.ts'
import type { Locks } from './locks.ts'
import { type News, type Question, readMessage, VERSION } from './messages.ts'

/** The way of every message between the tabs. */
export interface TabChannel {
  readonly isOpen: boolean
  /** `again`: also where it could not be had before. */
  open(again?: boolean): void
  /** The next use opens it again, unless the client is disposed. */
  close(): void
  post(message: News | Question): void
  /** Asks the siblings, and waits until what they say has made it so, for so many milliseconds at most. */
  consult(question: Question, isAnswered: () => boolean, ms: number, giveUp?: AbortSignal): Promise<void>
  /** Has this been asked or told too often lately? Whoever is not answered goes on without. */
  isFlood(type: string, most?: number): boolean
  /** The highest serial that can be a true one. */
  last(): number
}

/** A flood of messages is acted upon so many times in so many milliseconds. */
const FLOOD = 50
const FLOOD_SPAN = 20_000

export function createChannel(
  kernel: Kernel,
  locks: Locks,
  receive: (message: News | Question) => Promise<void>,
): TabChannel {
  const { environment, session, disposal } = kernel
  /** `undefined`: nobody has needed it yet; `null`: it is not to be had. */
  let channel: Channel | null | undefined
  const consulting = new Set<() => void>()
  const heard = new Map<string, { since: number; times: number }>()

  function last(): number {
    const { epoch, serial } = session.stamp
    return lastSerial(environment.now(), Math.max(serial, epoch))
  }

  /** A tab that comes a task late has missed no more than one that was created then: `hello` asks what there is. */
  function open(again?: boolean): void {
    if (again && !channel) channel = undefined
    if (channel !== undefined || environment.prerendering() || disposal.signal.aborted) return
    channel = null
    try {
      channel = environment.channel(locks.key)
      channel.onmessage = ({ data }) => {
        const message = readMessage(data, last())
        if (message) void receive(message).then(reconsider)
      }
      post({ type: 'hello', generation: 0 })
    } catch {
      locks.degrade('channel')
    }
  }

  function reconsider(): void {
    for (const look of [...consulting]) look()
  }

  function post(message: News | Question): void {
    try {
      channel?.postMessage({ v: VERSION, ...message })
    } catch {
      // A user of the app's own making that cannot be cloned: the others do without.
      if ('user' in message && message.user) post({ ...message, user: undefined })
      else locks.degrade('channel')
    }
  }

  return {
    get isOpen() {
      return channel != null
    },
    open,
    close() {
      channel?.close()
      channel = undefined
    },
    post,
    async consult(question, isAnswered, ms, giveUp = disposal.signal) {
      if (!channel) return
      let look = () => {}
      const answer = () =>
        new Promise<void>(resolve => {
          look = () => {
            if (isAnswered()) resolve()
          }
          consulting.add(look)
          post(question)
        })
      // Whoever asks looks itself what came of it.
      await within(environment, ms, null, answer, giveUp).catch(() => {})
      consulting.delete(look)
    },
    isFlood(type, most = FLOOD) {
      const now = environment.monotonic()
      let count = heard.get(type)
      if (!count || now - count.since >= FLOOD_SPAN) {
        count = { since: now, times: 0 }
        heard.set(type, count)
      }
      return ++count.times > most
    },
    last,
  }
}
