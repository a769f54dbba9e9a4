import { createClock, type VirtualClock } from '../../../src/testing/clock.ts'
import { installPage, setGlobals } from './page.ts'
import { send } from './wire.ts'

export interface Machine {
  readonly clock: VirtualClock
  /** How many of the client's own timers have rung. */
  readonly rung: number
  /** Lets virtual time pass until the promise has settled; `false` where it has not in a minute. */
  settles(promise: Promise<unknown>): Promise<boolean>
}

/** How many turns of the event loop without anything on the wire count as calm. */
const CALM = 12
const MINUTE = 60_000
const STEP = 50

/**
 * A browser's globals as far as a client of tokens looks, with a virtual clock, a cookie jar and a count of what is on
 * the wire. Installed before any candidate is loaded, so that each finds what it would find in a page.
 */
export function installMachine(origin: string, held: () => number): Machine {
  const RealDate = Date
  let onTheWire = 0
  let cookie = ''
  let rung = 0

  async function settle(): Promise<void> {
    for (let calm = 0; calm < CALM; ) {
      await new Promise(resolve => setImmediate(resolve))
      calm = onTheWire <= held() ? calm + 1 : 0
    }
  }
  const clock = createClock(settle)

  async function fetch(input: RequestInfo | URL, init?: RequestInit): Promise<Response> {
    const request = new Request(input, init)
    if (cookie && request.credentials !== 'omit') request.headers.set('Cookie', cookie)
    onTheWire++
    try {
      const response = await send(request)
      cookie = response.headers.get('Set-Cookie')?.split(';')[0] ?? cookie
      return response
    } finally {
      onTheWire--
    }
  }

  class VirtualDate extends RealDate {
    constructor(...given: []) {
      super(...(given.length ? given : ([clock.now()] as unknown as [])))
    }
    static override now = () => clock.now()
  }

  const undo = new Map<number, () => void>()
  let lastId = 0
  function start(callback: () => void, ms: number, isRepeated: boolean): number {
    const id = ++lastId
    const set = () =>
      undo.set(
        id,
        clock.timer(() => {
          undo.delete(id)
          rung++
          if (isRepeated) set()
          callback()
        }, ms),
      )
    set()
    return id
  }
  const stop = (id: number) => {
    undo.get(id)?.()
    undo.delete(id)
  }

  const globals: Record<string, unknown> = {
    fetch,
    Date: VirtualDate,
    setTimeout: (callback: () => void, ms = 0, ...args: []) => start(() => callback(...args), ms, false),
    setInterval: (callback: () => void, ms = 0, ...args: []) => start(() => callback(...args), ms, true),
    clearTimeout: stop,
    clearInterval: stop,
  }
  installPage(origin)
  setGlobals(globals)
  performance.now = () => clock.monotonic()

  return {
    clock,
    get rung() {
      return rung
    },
    async settles(promise) {
      let isOver = false
      const end = () => {
        isOver = true
      }
      promise.then(end, end)
      await settle()
      for (let steps = 0; !isOver && steps < MINUTE / STEP; steps++) await clock.advance(STEP)
      return isOver
    },
  }
}
