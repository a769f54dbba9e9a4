/** What a timeline is drawn from. Entries travel between tabs: no token, and no part of one, is ever in them. */
export type Entry = {
  /** Epoch milliseconds. */
  readonly at: number
  /** The tab's id, or the name of a lane of its own. */
  readonly lane: string
} & (
  | {
      readonly kind: 'sent'
      readonly id: string
      readonly method: string
      readonly path: string
      /** An auth call. By default the path says so: it begins with `/auth/`. */
      readonly isAuth?: boolean
    }
  /** `status` 0: no answer came. */
  | { readonly kind: 'answered'; readonly id: string; readonly status: number; readonly note: string }
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
