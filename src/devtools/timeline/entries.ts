/** What a timeline is drawn from. Entries travel between tabs: no token, and no part of one, is ever in them. */
export type Entry = {
  /** Epoch milliseconds. */
  readonly at: number
  /** The tab's id. */
  readonly lane: string
} /** A request with its answer, at the time when it was sent. `status` 0: no answer came. */ & (
  | {
      readonly kind: 'request'
      readonly answeredAt: number
      readonly method: string
      readonly path: string
      readonly refreshes: boolean
      readonly status: number
      readonly note: string
    }
  /** `life`: milliseconds from issue to expiry. `handed`: another tab had it first. */
  | {
      readonly kind: 'token'
      readonly generation: number
      readonly expiresAt: number
      readonly life: number
      readonly handed: boolean
    }
  | { readonly kind: 'replay'; readonly path: string; readonly from: number; readonly to: number }
  | { readonly kind: 'signed-in' | 'signed-out'; readonly words: string }
  /** `about`: for the filter. */
  | {
      readonly kind: 'note'
      readonly words: string
      readonly tone: Tone
      readonly about?: 'page' | 'wait'
    }
  /** Something that lasts begins. Each lane has one of a kind at a time. */
  | { readonly kind: 'begun'; readonly what: Lasting; readonly words: string }
  | { readonly kind: 'over'; readonly what: Lasting }
)

/** `wait`: for another tab's turn. */
export type Lasting = 'wait' | 'hidden' | 'offline'

export type Tone = 'plain' | 'good' | 'warn' | 'bad'
