/** Orders the calls by which the app says, or asks, who is signed in. */
export interface Say {
  /** Raised by every call that decides; one that was made before it has lost its say. */
  readonly decisions: number
  /** Somebody decides who is signed in. */
  decide(): number
  /** The app asks, by an explicit `refresh()`: whatever the marker says, somebody may have signed in elsewhere. */
  ask(): object
  /** That call is over, or whichever is under way: from here on the marker counts again. */
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
