/** Orders the calls by which the app decides who is signed in (login, logout, `setTokens`), or asks (`refresh()`). */
export interface Say {
  /** Raised by every call that decides; one that was made before it has lost its say. */
  decisions: number
  /** The app's `refresh()` that is under way: whatever the marker says, somebody may have signed in elsewhere. */
  asking: object | null
  /** Somebody has signed out: from here on the marker counts again. */
  decide(): void
}

export function createSay(): Say {
  const say: Say = {
    decisions: 0,
    asking: null,
    decide() {
      say.decisions++
      say.asking = null
    },
  }
  return say
}
