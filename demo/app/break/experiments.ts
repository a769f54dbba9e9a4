import type { OpenTab } from './frames.ts'
import type { Lane } from './lane.ts'
import type { ContestantName } from './tab.ts'

export interface Result {
  /** Refresh calls that reached the server. */
  refreshes: number
  /** API calls that reached it, replays included. */
  requests: number
  /** Of those that the app made, how many failed for it. */
  failed: number
  /** Tabs that get nothing any more when everything works again. */
  signedOut: number
}

export type Results = Record<ContestantName, Result>

export interface Experiment {
  title: string
  tabs: number
  /** How many calls the app makes. */
  calls: number
  /** For how many seconds the server accepts a used refresh token; one run for each. */
  graces: readonly number[]
  steps: string
  /** What no client can avoid with this grace: failed calls, and tabs that are signed out. */
  unavoidable?(grace: number): Pick<Result, 'failed' | 'signedOut'>
  /** Seconds that one client takes, idle: for the time that is left. */
  takes: number
  /** Returns how many calls failed. All tabs are signed in, with tokens that are good. */
  run(lane: Lane, tabs: OpenTab[]): Promise<number>
  /** Each sentence is shown where its results came out that way. */
  why(results: Results, grace: number): (string | false)[]
}

const ECHO = 'api/echo'
const LONG = 600

const FAILS_OTHERS =
  'axios-auth-refresh repeats one call, and fails those whose 401 comes in while it refreshes.'

export const NOTHING = { failed: 0, signedOut: 0 }

const times = (count: number): string[] => Array<string>(count).fill(ECHO)

async function call(tabs: OpenTab[], paths: string[]): Promise<number> {
  const failed = await Promise.all(tabs.map(tab => tab.call(paths)))
  return failed.reduce((sum, count) => sum + count, 0)
}

/** Time passes, for the server and for every tab. */
async function pass(seconds: number, lane: Lane, tabs: OpenTab[]): Promise<void> {
  await lane.sleep(seconds)
  for (const tab of tabs) tab.sleep(seconds)
}

/** One after the other, so that no two of them refresh at once. */
export async function countSignedOut(lane: Lane, tabs: OpenTab[]): Promise<number> {
  await lane.setFaults({})
  await pass(LONG, lane, tabs)
  let signedOut = 0
  for (const tab of tabs) signedOut += await tab.call([ECHO])
  return signedOut
}

const wake: Experiment = {
  title: 'The laptop wakes',
  tabs: 1,
  calls: 200,
  takes: 1,
  graces: [10],
  steps: 'One tab sleeps for ten minutes, and then makes 200 calls at once.',
  async run(lane, tabs) {
    await pass(LONG, lane, tabs)
    return call(tabs, times(200))
  },
  why: ({ 'silent-refresh': ours, ky, axios }) => [
    ours.refreshes === 1 &&
      ours.failed === 0 &&
      'silent-refresh sees by the clock that the token has ended, and refreshes once before anything is sent.',
    ky.refreshes === 1 && ky.failed === 0 && 'So does the code by hand.',
    axios.failed > 0 && FAILS_OTHERS,
  ],
}

const tabs: Experiment = {
  title: 'Many tabs',
  tabs: 3,
  calls: 30,
  takes: 1.5,
  graces: [10, 0],
  steps: 'Three tabs sleep for ten minutes, and then make 10 calls each, all at once.',
  async run(lane, tabs) {
    await pass(LONG, lane, tabs)
    return call(tabs, times(10))
  },
  why: ({ 'silent-refresh': ours, ky, axios }, grace) => [
    ours.refreshes === 1 &&
      'One tab of silent-refresh refreshes under a lock, and hands the token to the others.',
    Math.min(ky.refreshes, axios.refreshes) >= 3 &&
      'The others know nothing of each other: each tab sends the same refresh token.',
    ky.signedOut + axios.signedOut > 0 &&
      grace === 0 &&
      'To the server that is a theft, and it ends the session.',
    ky.signedOut + axios.signedOut === 0 && grace > 0 && 'The grace saves them.',
    axios.failed > axios.signedOut && grace > 0 && FAILS_OTHERS,
  ],
}

const revoked: Experiment = {
  title: 'The token is revoked',
  tabs: 1,
  calls: 50,
  takes: 1,
  graces: [10],
  steps: 'The server revokes every token. Then one tab makes 50 calls at once.',
  async run(lane, tabs) {
    await lane.revokeAccess()
    return call(tabs, times(50))
  },
  why: ({ 'silent-refresh': ours, ky, axios }) => [
    ours.refreshes === 1 &&
      'The first 401 starts one refresh; what was refused with the old token is sent again with the new one.',
    ky.refreshes > 1 && 'By hand, each 401 that comes in after that refresh starts another one.',
    axios.failed > 0 && FAILS_OTHERS,
  ],
}

const late: Experiment = {
  title: 'A 401 comes late',
  tabs: 1,
  calls: 2,
  takes: 1.5,
  graces: [10],
  steps: 'The token is revoked. Of two calls one is answered at once, the other 0.8 s later.',
  async run(lane, tabs) {
    await lane.revokeAccess()
    return call(tabs, [`${ECHO}?wait=800`, ECHO])
  },
  why: ({ 'silent-refresh': ours, ky, axios }) => [
    ours.refreshes === 1 &&
      'silent-refresh remembers which token a call was sent with. That one has been replaced since, so the call is only sent again.',
    ky.refreshes === 2 && axios.refreshes === 2 && 'The others refresh a second time.',
  ],
}

const outage: Experiment = {
  title: 'The server fails',
  tabs: 3,
  calls: 18,
  takes: 1.5,
  // Without a token no call can succeed.
  unavoidable: () => ({ failed: 18, signedOut: 0 }),
  graces: [10],
  steps:
    'Three tabs with an expired token; refreshes answer 500 for 30 s, in which each tab makes a call every 5 s.',
  async run(lane, tabs) {
    await lane.setFaults({ refresh: '500' })
    await pass(LONG, lane, tabs)
    let failed = 0
    for (let round = 0; round < 6; round++) {
      failed += await call(tabs, times(1))
      await pass(5, lane, tabs)
    }
    return failed
  },
  why: ({ 'silent-refresh': ours, ky, axios }) => [
    'Without a token no call can succeed.',
    ours.refreshes < Math.min(ky.refreshes, axios.refreshes) &&
      'silent-refresh waits longer after each failure, in all tabs together; the others ask the failing server again with each call.',
    ours.signedOut + ky.signedOut + axios.signedOut === 0 &&
      'Nobody is signed out, unless the app takes every failed refresh for the end of the session, as much code by hand does.',
  ],
}

const lost: Experiment = {
  title: 'A refresh response is lost',
  tabs: 1,
  calls: 2,
  takes: 1,
  unavoidable: grace => (grace > 0 ? { failed: 1, signedOut: 0 } : { failed: 2, signedOut: 1 }),
  graces: [10, 0],
  steps:
    'The token has expired, the answer of the refresh is lost after the server has rotated; 3 s later the next call.',
  async run(lane, tabs) {
    await lane.setFaults({ refresh: 'drop', count: 1 })
    await pass(LONG, lane, tabs)
    const failed = await call(tabs, times(1))
    await pass(3, lane, tabs)
    return failed + (await call(tabs, times(1)))
  },
  why: ({ 'silent-refresh': ours, ky, axios }, grace) => [
    ours.signedOut + ky.signedOut + axios.signedOut === 0 &&
      grace > 0 &&
      'The browser still has the token that counts as used. The server takes it once more, and the next call succeeds with each client.',
    Math.min(ours.signedOut, ky.signedOut, axios.signedOut) > 0 &&
      grace === 0 &&
      'The server sees a used token again, takes it for a theft, and ends the session. No client can prevent that, this one neither: it takes a server with a grace.',
  ],
}

export const EXPERIMENTS: Readonly<Record<string, Experiment>> = { wake, tabs, revoked, late, outage, lost }
