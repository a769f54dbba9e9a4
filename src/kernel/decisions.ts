/** Orders the calls by which the app decides who is signed in (login, logout, `setTokens`), or asks (`refresh()`). */
export interface Decisions {
  /** Raised by every call that decides. The result of a call that was made before the last one is dropped. */
  count: number
  /** The app's `refresh()` that is under way. The marker does not count then, because somebody may have signed in elsewhere. */
  asking: object | null
  /** Somebody has signed out: from here on the marker counts again. */
  decide(): void
}

export function createDecisions(): Decisions {
  const decisions: Decisions = {
    count: 0,
    asking: null,
    decide() {
      decisions.count++
      decisions.asking = null
    },
  }
  return decisions
}
