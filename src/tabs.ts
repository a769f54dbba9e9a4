/** What the client needs of the other tabs. One tab alone is the smallest answer to it. */
export interface Tabs {
  /** Runs refresh, login and logout one at a time, in the order in which they asked. */
  exclusive<T>(task: () => Promise<T>): Promise<T>
}

export function createSoloTab(): Tabs {
  let last: Promise<unknown> = Promise.resolve()
  return {
    exclusive(task) {
      const run = last.then(task, task)
      last = run.catch(() => {})
      return run
    },
  }
}
