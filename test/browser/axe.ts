import type { Tab } from './engine.ts'

/** What axe finds on the page that the tab shows, in words. The page has loaded axe. */
export const axeFaults = (tab: Tab): Promise<string[]> =>
  tab.evaluate(async () => {
    const { violations } = await window.axe.run()
    return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`)
  })
