import { within } from '../../kernel/abort.ts'
import type { Channel } from '../../kernel/environment.ts'
import type { Kernel } from '../../kernel/feature.ts'
import { lastSerial } from '../../kernel/stamp.ts'
import type { Locks } from './locks.ts'
import { type News, type Question, readMessage, VERSION } from './messages.ts'

/** Every message between the tabs goes through here. */
export interface TabChannel {
  readonly isOpen: boolean
  /** `again`: tries once more, even if the channel could not be opened before. */
  open(again?: boolean): void
  /** The next use opens it again, unless the client is disposed. */
  close(): void
  post(message: News | Question): void
  /**
   * Asks the siblings, and waits until `isAnswered` holds after one of their messages, for `ms` milliseconds at most.
   */
  consult(question: Question, isAnswered: () => boolean, ms: number, giveUp?: AbortSignal): Promise<void>
  /** Did messages of this type come too often lately? Then they are not answered, and the sender goes on without. */
  isFlood(type: string, most?: number): boolean
  /** The highest serial that can be a true one. */
  last(): number
}

/** Messages of one type are acted upon so many times at most in so many milliseconds. */
const FLOOD = 50
const FLOOD_SPAN = 20_000

export function createChannel(
  kernel: Kernel,
  locks: Locks,
  receive: (message: News | Question) => Promise<void>,
): TabChannel {
  const { environment, session, disposal } = kernel
  /** `undefined`: not needed yet; `null`: it could not be opened. */
  let channel: Channel | null | undefined
  const consulting = new Set<() => void>()
  const heard = new Map<string, { since: number; times: number }>()

  function last(): number {
    const { epoch, serial } = session.stamp
    return lastSerial(environment.now(), Math.max(serial, epoch))
  }

  /** Opening late misses nothing: `hello` asks the siblings how far they have come. */
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

  function post(message: object, isBare = false): void {
    try {
      channel?.postMessage({ v: VERSION, ...message })
    } catch {
      // Some values of the app or its server cannot be cloned: the other tabs do without them.
      if (isBare) locks.degrade('channel')
      else post({ ...message, user: undefined, body: undefined }, true)
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
      // The caller checks the outcome itself.
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
