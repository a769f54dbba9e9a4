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
 * How far the tabs have come. Each tab shows its serial by a shared lock, which it takes before it releases the
 * exclusive lock. Messages can arrive after the next tab gets the exclusive lock. So that tab goes by the shared locks
 * that it sees.
 */
export interface Shown extends Pick<TabsPart, 'momentOf' | 'catchUp'> {
  /** Settles when the locks are granted, so that the tab that gets the exclusive lock next can see them. */
  show(): Promise<unknown>
  /** The page was hidden or shown: a hidden page gives its shared lock up after a while. */
  look(): void
  leave(): void
  /** Leaves a note for new tabs: this tab has a session, but is hidden and shows no lock. */
  leaveNote(): void
  /** The highest serial that any tab shows. `after`: without sessions that the tabs had at that moment. */
  newest(after?: Moment): Promise<number>
}

/** How long a sibling may take to hand its session over. */
const ANSWER_TIME = 1_000
/** The same, if it is unknown whether there is a sibling. */
const BLIND_TIME = 250
/** A shared lock keeps the browser from freezing the page, so a hidden page keeps it for a short time only. */
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
  /**
   * A token that renews itself is in a hidden tab that shows no lock but may be awake: until when that token is valid.
   */
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
    // With a shared storage no tab has to be asked.
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
    // The next decision gets a higher serial.
    session.see(highest(all), 0, true)
    return highest(all.filter(([serial = 0, askedAt = 0]) => isAfter(after, askedAt, serial)))
  }

  async function catchUp(after?: Moment): Promise<boolean> {
    const serial = await newest(after)
    // A hidden tab gives its shared lock up after a while, but leaves a note. The owner of a lineage keeps its lock for
    // as long as its page exists.
    const isStranger =
      !after &&
      !session.held &&
      ((settings.accessOnly && (hidden.read() ?? 0) > environment.now()) ||
        (!ownership.isOwner && (await ownership.isOwned())))
    // Firefox refuses the query to frames of other sites, so any sibling may be newer.
    const isBlind = locks.lacks('lock-query')
    const { stamp } = session
    if (serial <= stamp.serial && !isStranger && !isBlind) return false
    if (!sharesTokens || !channel.isOpen) return false
    const generation = isBlind ? stamp.serial + 1 : serial
    const isAnswered = () => session.stamp !== stamp && session.stamp.serial >= generation
    await channel.consult({ type: 'ask', generation }, isAnswered, isBlind ? BLIND_TIME : ANSWER_TIME)
    const answered = isAnswered()
    // The hidden tab is frozen, or gone. A frozen one gets the `hello` of this tab when it thaws, and leaves its note
    // again.
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
        // Other hidden tabs leave the note again.
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
