import { readConfig } from '../server.ts'
import { countSignedOut, type Experiment, type Result } from './experiments.ts'
import { type OpenTab, openTab } from './frames.ts'
import { openLane } from './lane.ts'
import type { ContestantName } from './tab.ts'

const ACCESS_TTL = 300

/** One client in one experiment, with a server and a login of its own. */
export async function contest(
  client: ContestantName,
  experiment: Experiment,
  grace: number,
): Promise<Result> {
  const { credentials } = await readConfig()
  const lane = await openLane({ accessTtl: ACCESS_TTL, grace })
  const tabs: OpenTab[] = []
  try {
    const first = await openTab(client, lane.base)
    tabs.push(first)
    await first.login(credentials[0]!)
    while (tabs.length < experiment.tabs) {
      const tab = await openTab(client, lane.base)
      tabs.push(tab)
      await tab.start()
    }
    await lane.clearCounters()
    const failed = await experiment.run(lane, tabs)
    const { refreshes, requests } = await lane.counters()
    const signedOut = await countSignedOut(lane, tabs)
    return { refreshes, requests, failed, signedOut }
  } finally {
    for (const tab of tabs) tab.close()
    await lane.close()
  }
}
