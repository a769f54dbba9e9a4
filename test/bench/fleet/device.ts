import { type Answer, EPOCH, type Family, type Server } from './server.ts'
import type { Timeline } from './timeline.ts'

/** One browser with one tab: its clocks, its timers, its network, and a cookie jar with one refresh token. */
export interface Device {
  readonly online: boolean
  readonly lifetime: number
  /** The wall clock goes on in sleep. */
  now(): number
  /** The monotonic clock stands still in sleep, and timers go by it. */
  monotonic(): number
  timer(callback: () => void, ms: number): () => void
  send(route: 'login' | 'refresh', answered: (answer: Answer) => void): void
  onWake(callback: (type: string) => void): () => void
  sleep(): void
  wake(): void
  connect(online: boolean): void
  signedOut(): void
  readonly isSignedOut: boolean
  /** Until when the API takes its token; time on the timeline. */
  readonly freshUntil: number
  /** Milliseconds: the longest that it had no good token, though awake, online, and with a server to be had. */
  readonly longestWait: number
}

/** Milliseconds one way. */
const LATENCY = { least: 20, spread: 60 }

export function createDevice(
  timeline: Timeline,
  server: Server,
  lifetime: number,
  troubleEnds: number,
  random: () => number,
): Device {
  const family: Family = { rotation: 0, isRevoked: false }
  const listeners = new Set<(type: string) => void>()
  let backlog: (() => void)[] = []
  let rotation = 0
  let online = true
  let asleepSince: number | null = null
  let slept = 0
  let excusedUntil = troubleEnds
  let freshUntil = Number.POSITIVE_INFINITY
  let longestWait = 0
  let isSignedOut = false

  const awake = (task: () => void): void => {
    if (asleepSince === null) task()
    else backlog.push(task)
  }
  const monotonic = (): number => (asleepSince ?? timeline.now) - slept
  const latency = (): number => timeline.now + LATENCY.least + LATENCY.spread * random()
  const tell = (type: string): void => {
    for (const callback of [...listeners]) callback(type)
  }

  function accept({ status, rotation: next }: Answer, sentAt: number): void {
    if (status !== 200) return
    rotation = next!
    longestWait = Math.max(longestWait, timeline.now - Math.max(freshUntil, excusedUntil))
    freshUntil = sentAt + lifetime * 1000
  }

  function timer(callback: () => void, ms: number): () => void {
    const due = monotonic() + ms
    let stopped = false
    let undo = () => {}
    const ring = () => {
      if (stopped) return
      if (monotonic() < due) wait()
      else callback()
    }
    const wait = () => {
      undo = timeline.at(timeline.now + due - monotonic(), () => awake(ring))
    }
    wait()
    return () => {
      stopped = true
      undo()
    }
  }

  return {
    lifetime,
    get online() {
      return online
    },
    get isSignedOut() {
      return isSignedOut
    },
    get freshUntil() {
      return freshUntil
    },
    get longestWait() {
      return longestWait
    },
    now: () => EPOCH + timeline.now,
    monotonic,
    timer,
    send(route, answered) {
      const sentAt = timeline.now
      if (!online) return void timeline.at(sentAt + 1, () => awake(() => answered({ status: 0 })))
      timeline.at(latency(), () => {
        const answer = route === 'login' ? server.login(family) : server.refresh(family, rotation)
        const arrive = () => {
          accept(answer, sentAt)
          answered(answer)
        }
        timeline.at(latency(), () => awake(arrive))
      })
    },
    onWake(callback) {
      listeners.add(callback)
      return () => void listeners.delete(callback)
    },
    sleep() {
      asleepSince = timeline.now
    },
    wake() {
      slept += timeline.now - asleepSince!
      asleepSince = null
      excusedUntil = timeline.now
      tell('visibilitychange')
      const waiting = backlog
      backlog = []
      for (const task of waiting) task()
    },
    connect(value) {
      online = value
      if (!online) return
      excusedUntil = timeline.now
      tell('online')
    },
    signedOut() {
      isSignedOut = true
    },
  }
}
