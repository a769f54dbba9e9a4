import { DAY, remaining } from '../../kernel/clock.ts'
import type { Kernel } from '../../kernel/feature.ts'
import type { Moment } from '../../kernel/flight.ts'
import { createNote } from '../../kernel/note.ts'
import type { TabsPart } from '../../kernel/parts.ts'
import { isSerial } from '../../kernel/stamp.ts'
import type { TabChannel } from './channel.ts'
import { type Hold, hold, type Locks } from './locks.ts'
import type { Ownership } from './owner.ts'

/** Was the server asked for a session after that? Within one millisecond its serial says so. */
export const isAfter = (moment: Moment | undefined, askedAt: number, serial: number): boolean =>
  !moment || askedAt > moment.at || (askedAt === moment.at && serial > moment.serial)

/**
 * What the tabs hold. Each tab shows it by a shared lock, named by the serial and taken before the exclusive lock is let
 * go: messages are not ordered with the hand-over of a lock, so what counts is what the query shows under the lock.
 */
export interface Shown extends Pick<TabsPart, 'momentOf' | 'catchUp'> {
  /** Settles when the locks are granted, so that the tab that gets the exclusive lock next can see them. */
  show(): Promise<unknown>
  /** The page comes or goes: a lock is not shown for long where nobody sees the page. */
  look(): void
  leave(): void
  /** For a tab that is new: a session is in this one, which is hidden and shows no lock. */
  leaveNote(): void
  /** The highest serial that a tab shows. `after`: none of what they had by then. */
  newest(after?: Moment): Promise<number>
}

/** How long a sibling may take to hand its session over. */
const ANSWER_TIME = 1_000
/** The same, where nothing says whether there is one. */
const BLIND_TIME = 250
/** A shared lock keeps a page from being frozen: it is not kept for longer than it serves. */
const HIDDEN_HOLD = 60_000
const REFRESH_HOLD = 5_000

export function createShown(
  kernel: Kernel,
  sharesTokens: boolean,
  locks: Locks,
  channel: TabChannel,
  ownership: Ownership,
): Shown {
  const { settings, environment, session, disposal } = kernel
  const prefix = `${locks.key}:held:`
  let mark: Hold | null = null
  let cancelFade = () => {}
  /** Until when a token that renews itself is in a tab which is hidden and shows no lock, but may be awake. */
  const hidden = createNote(kernel, 'hidden')
  let isNoted = false

  async function show(): Promise<unknown> {
    const owning = ownership.adjust()
    if (owning) await owning
    const { held, stamp } = session
    if (isNoted && !held) takeNote()
    const isShown = held && sharesTokens && !disposal.signal.aborted
    const name = isShown ? `${prefix}${stamp.serial}:${held.askedAt}` : undefined
    if (name === mark?.name) return mark?.granted
    hide()
    const api = locks.api()
    if (!name || !api) return undefined
    if (!environment.visible()) fade(REFRESH_HOLD)
    mark = hold(api, name, { mode: 'shared' })
    return mark.granted
  }

  function hide(): void {
    cancelFade()
    mark?.release()
    mark = null
  }

  function fade(ms: number): void {
    cancelFade()
    cancelFade = environment.timer(() => {
      hide()
      leaveNote()
    }, ms)
  }

  function leaveNote(): void {
    const { held } = session
    // What all tabs look up needs no tab to be asked.
    if (!held || mark || !sharesTokens || !settings.accessOnly || kernel.storage?.shared) return
    isNoted = true
    const left = held.expires ? remaining(environment, held.expires) : DAY
    hidden.write(Math.ceil(environment.now() + left))
  }

  function takeNote(): void {
    isNoted = false
    hidden.remove()
  }

  async function newest(after?: Moment): Promise<number> {
    const all = [...(await locks.held()).keys()]
      .map(name => (name?.startsWith(prefix) ? name.slice(prefix.length).split(':').map(Number) : []))
      .filter(([serial = -1]) => isSerial(serial, channel.last()))
    const highest = (some: number[][]) => Math.max(0, ...some.map(([serial = 0]) => serial))
    // Whatever is decided next comes after it.
    session.see(highest(all), 0, true)
    return highest(all.filter(([serial = 0, askedAt = 0]) => isAfter(after, askedAt, serial)))
  }

  async function catchUp(after?: Moment): Promise<boolean> {
    const serial = await newest(after)
    // A hidden tab shows nothing after a while, but it leaves a note. The tab that has the refresh token is known for as
    // long as its page is there.
    const isStranger =
      !after &&
      !session.held &&
      ((settings.accessOnly && (hidden.read() ?? 0) > environment.now()) ||
        (!ownership.isOwner && (await ownership.isOwned())))
    // Firefox refuses the query, and only that, to the frames of other sites: whoever is there may be newer.
    const isBlind = locks.lacks('lock-query')
    const { stamp } = session
    if (serial <= stamp.serial && !isStranger && !isBlind) return false
    if (!sharesTokens || !channel.isOpen) return false
    const generation = isBlind ? stamp.serial + 1 : serial
    const isAnswered = () => session.stamp !== stamp && session.stamp.serial >= generation
    await channel.consult({ type: 'ask', generation }, isAnswered, isBlind ? BLIND_TIME : ANSWER_TIME)
    const answered = isAnswered()
    // It is frozen, or gone without a word. A frozen one hears of this tab when it thaws, and leaves it again.
    if (!answered && isStranger && settings.accessOnly) hidden.remove()
    settings.log({ type: 'tabs-asked', answered })
    return answered
  }

  return {
    show,
    look() {
      cancelFade()
      if (environment.visible()) void show()
      else if (mark) fade(HIDDEN_HOLD)
    },
    leave() {
      if (isNoted) {
        takeNote()
        // Other tabs that are hidden leave it again.
        channel.post({ type: 'hello', generation: 0 })
      }
      hide()
    },
    leaveNote,
    newest,
    catchUp,
    momentOf(at) {
      // A token that renews itself is not sent again when another tab has the next one.
      if (settings.sliding && (session.held || !settings.endpoints.restore)) return undefined
      const moment = { at, serial: Number.POSITIVE_INFINITY }
      void newest().then(serial => {
        moment.serial = serial
      })
      return moment
    },
  }
}
