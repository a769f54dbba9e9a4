import type { Channel } from '../kernel/environment.ts'
import { type Deliver, inOrder } from './locks.ts'

/** The broadcast channels of one browser. */
export interface ChannelHub {
  /** `receive` delivers one message to this end; from one sender they arrive in their order. */
  open(name: string, receive: Deliver, report: (error: unknown) => void): Channel
  /** Delivers anything at all to every channel of this name, uncloned. */
  inject(name: string, data: unknown): void
  /** The channels that are open, in the order of their opening. */
  readonly ends: Channel[]
  /** Their names. */
  readonly names: string[]
  /** Everything that was ever posted, as [channel, message]. */
  readonly posted: [name: string, message: any][]
}

interface End {
  readonly name: string
  readonly channel: Channel
  /** How a new sender's messages get here. */
  join(): (data: unknown) => void
}

export function createChannelHub(): ChannelHub {
  const ends = new Set<End>()
  const posted: ChannelHub['posted'] = []

  return {
    posted,
    get ends() {
      return [...ends].map(({ channel }) => channel)
    },
    get names() {
      return [...ends].map(({ name }) => name)
    },
    inject(name, data) {
      for (const end of [...ends]) if (end.name === name) end.join()(data)
    },
    open(name, receive, report) {
      const ways = new Map<End, (data: unknown) => void>()
      const end: End = {
        name,
        get channel() {
          return channel
        },
        join() {
          const deliver = inOrder(receive)
          const hear = (data: unknown) => {
            try {
              if (ends.has(end)) channel.onmessage?.({ data })
            } catch (error) {
              report(error)
            }
          }
          return data => deliver(() => hear(data), `a message on ${name}`)
        },
      }
      ends.add(end)

      const channel: Channel = {
        onmessage: null,
        postMessage(message) {
          if (!ends.has(end)) throw new DOMException('The channel is closed', 'InvalidStateError')
          posted.push([name, structuredClone(message)])
          for (const other of ends) {
            if (other === end || other.name !== name) continue
            if (!ways.has(other)) ways.set(other, other.join())
            ways.get(other)?.(structuredClone(message))
          }
        },
        close: () => void ends.delete(end),
      }
      return channel
    },
  }
}
