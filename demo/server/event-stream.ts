type Send = (name: string, data: unknown) => void

/** Server-sent events: what happens here, told to every page that listens. */
export interface EventStream {
  /** The answer to one listener, which is told `backlog` first. */
  open(backlog: readonly (readonly [name: string, data: unknown])[]): Response
  send: Send
  close(): void
}

const encoder = new TextEncoder()
const encode = (name: string, data: unknown) =>
  encoder.encode(`event: ${name}\ndata: ${JSON.stringify(data)}\n\n`)

export const createEventStream = (): EventStream => {
  const listeners = new Set<ReadableStreamDefaultController<Uint8Array>>()

  return {
    open: backlog => {
      let listener: ReadableStreamDefaultController<Uint8Array>
      const stream = new ReadableStream<Uint8Array>({
        start: controller => {
          listener = controller
          listeners.add(controller)
          for (const [name, data] of backlog) controller.enqueue(encode(name, data))
        },
        cancel: () => {
          listeners.delete(listener)
        },
      })
      // A connection that was kept would keep the server from closing.
      return new Response(stream, { headers: { 'Content-Type': 'text/event-stream', Connection: 'close' } })
    },
    send: (name, data) => {
      for (const listener of listeners) listener.enqueue(encode(name, data))
    },
    close: () => {
      for (const listener of listeners) listener.close()
      listeners.clear()
    },
  }
}
