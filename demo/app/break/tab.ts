import { sleep } from './clock.ts'
import { createAxiosAuthRefresh } from './contestants/axios-auth-refresh.ts'
import type { Contestant, CreateContestant, Credentials } from './contestants/contestant.ts'
import { createKyByHand } from './contestants/ky-by-hand.ts'
import { createSilentRefresh } from './contestants/silent-refresh.ts'

// This document is one tab of one client: its own memory, the cookies and channels of the browser.

export type ContestantName = 'silent-refresh' | 'ky' | 'axios'

const CONTESTANTS: Record<ContestantName, CreateContestant> = {
  'silent-refresh': createSilentRefresh,
  ky: createKyByHand,
  axios: createAxiosAuthRefresh,
}

export interface Tab {
  login(credentials: Credentials): Promise<void>
  start(): Promise<void>
  /** Makes all the calls at once; how many of them failed. */
  call(paths: string[]): Promise<number>
  sleep(seconds: number): void
}

declare global {
  interface Window {
    /** For the page around this one. */
    tab?: Tab
  }
}

function createTab({ login, start, get }: Contestant): Tab {
  return {
    login,
    start,
    async call(paths) {
      const outcomes = await Promise.allSettled(paths.map(get))
      return outcomes.filter(({ status }) => status === 'rejected').length
    },
    sleep,
  }
}

const parameters = new URLSearchParams(location.search)
const create = CONTESTANTS[parameters.get('client') as ContestantName]
window.tab = createTab(create(parameters.get('base') ?? ''))
