/** Orders the calls by which the app decides who is signed in (login, logout, `setTokens`), or asks (`refresh()`). */
export interface Say {
  /** Counts the decisions. A call that began before the last one is superseded: its result is dropped. */
  readonly decisions: number
  /** Somebody decides who is signed in. */
  decide(): number
  /**
   * The app calls `refresh()`: the marker does not count until the answer, since a user may have signed in elsewhere.
   */
  ask(): object
  /** That call is over (without an argument: the call under way). The marker counts again. */
  answered(call?: object): void
  readonly isAsking: boolean
}

export function createSay(): Say {
  let decisions = 0
  let asking: object | null = null
  return {
    get decisions() {
      return decisions
    },
    get isAsking() {
      return asking !== null
    },
    decide: () => ++decisions,
    ask() {
      asking = {}
      return asking
    },
    answered(call = asking ?? undefined) {
      if (asking === call) asking = null
    },
  }
}
