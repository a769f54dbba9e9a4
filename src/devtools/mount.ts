import { aFlag, checked, isText, type Rule } from '../kernel/checked.ts'
import { kernelOf } from '../kernel/registry.ts'
import type { AuthClient } from '../types.ts'
import { shareEntries } from './channel.ts'
import { clearFaults, faults } from './faults.ts'
import { createJournal } from './journal.ts'
import { createDo } from './panel/do.ts'
import { createNow } from './panel/now.ts'
import { createPanel, type Panel, type PanelOptions } from './panel/panel.ts'
import { createTimeline, type TimelineSource } from './panel/timeline.ts'
import { createWhy, type WhyView } from './panel/why.ts'
import { type Client, recordEvents, recorder } from './record.ts'
import { type Report, readReport } from './report.ts'
import { factsOf, statusOf } from './state.ts'

/** The options of `mountDevtools`. A wrong value throws `invalid_option`, whose message names the option. */
export interface DevtoolsOptions {
  /** The corner of the button, at the bottom of the window. @default 'right' */
  position?: 'left' | 'right' | undefined
  /** The side where the panel opens. A button in the panel changes it. @default 'bottom' */
  dock?: 'bottom' | 'right' | undefined
  /** Is the panel open at first? @default false */
  open?: boolean | undefined
  /**
   * An element that the panel fills, as a part of the page. It is then always open, has no button in the corner, and has "Why" below
   * the other views.
   * @default none
   */
  container?: HTMLElement | undefined
  /** The view at first. @default 'now' */
  view?: 'now' | 'timeline' | 'why' | 'do' | undefined
  /**
   * The nonce of the page's Content Security Policy, for browsers without constructed style sheets. Others need none.
   * @default none
   */
  nonce?: string | undefined
}

const oneOf = (...values: string[]): Rule => [
  value => values.includes(value),
  values.map(value => `"${value}"`).join(' or '),
]

const RULES = {
  position: oneOf('left', 'right'),
  dock: oneOf('bottom', 'right'),
  open: aFlag,
  container: [value => value?.nodeType === 1, 'an element'],
  view: oneOf('now', 'timeline', 'why', 'do'),
  nonce: [isText, 'a text'],
} satisfies Record<string, Rule>

interface Mounted {
  /** Identifies the client, also within a proxy of a framework. `null`: only a report is shown. */
  readonly key: object | null
  readonly panel: Panel
  readonly why: WhyView
  users: number
  remove(): void
}

/** There is one panel in a document. */
let mounted: Mounted | null = null

/**
 * Shows a button at the edge of the page, which opens the devtools of this client. They show its session, what it did and
 * why, and have buttons that make things happen. For development. They show no token. Does nothing without a document.
 *
 * If you mount it again for the same client, it stays the same panel until each caller has removed it. The panel of another
 * client replaces it.
 *
 * @returns a function that removes it
 * @throws AuthError `invalid_option`, whose message names the option
 * @example
 * if (import.meta.env.DEV) mountDevtools(auth)
 */
export function mountDevtools(auth: AuthClient<unknown, unknown>, options: DevtoolsOptions = {}): () => void {
  const given = checked(options, RULES)
  if (typeof document === 'undefined') return () => {}
  if (mounted?.key !== auth.subscribe) {
    mounted?.remove()
    mounted = mountFor(auth, given)
  }
  if (given.open && !given.container && !mounted.panel.isOpen) mounted.panel.open()
  return takenAway(mounted)
}

function takenAway(one: Mounted): () => void {
  let isDone = false
  one.users++
  return () => {
    if (isDone) return
    isDone = true
    if (--one.users === 0 && one === mounted) one.remove()
  }
}

const panelOptions = (options: DevtoolsOptions): PanelOptions => ({
  position: options.position ?? 'right',
  dock: options.dock ?? 'bottom',
  nonce: options.nonce,
  container: options.container,
  below: undefined,
  first: options.view,
  replaced: () => mounted?.remove(),
})

function mountFor(auth: Client, options: DevtoolsOptions): Mounted {
  const kernel = kernelOf(auth)
  const now = kernel?.environment.now ?? Date.now
  const journal = createJournal(KEPT)
  const here = crypto.randomUUID?.() ?? String(Math.random()).slice(2)
  const facts = () => ({ browser: navigator.userAgent, notes: factsOf(auth) })
  const live = { journal, here, now }
  const timeline = createTimeline(live)
  const why = createWhy({ journal, here, facts }, report => timeline.show(report ? past(report) : live))
  const { container } = options
  const views = [createNow(auth), timeline, ...(container ? [] : [why]), createDo(auth)]
  const panel = createPanel(views, { ...panelOptions(options), below: container && why })
  let cancel = () => {}

  function look(): void {
    panel.status(statusOf(auth), auth.session.status)
    panel.update()
  }
  function tick(): void {
    look()
    cancel = later(tick)
  }
  // Not in the zone of an app with zone.js, which would render after each.
  const later = (work: () => void): (() => void) => {
    if (kernel) return kernel.environment.timer(work, SECOND)
    const id = setTimeout(work, SECOND)
    return () => clearTimeout(id)
  }
  const undo = [
    recordEvents(auth, journal, here),
    auth.subscribe(look),
    kernel ? shareEntries(kernel, journal, here) : () => {},
  ]
  faults.kernel = kernel ?? null
  faults.onRequest = recorder(journal, here, now)
  tick()

  return {
    key: auth.subscribe,
    panel,
    why,
    users: 0,
    remove() {
      for (const end of undo) end()
      cancel()
      clearFaults()
      panel.remove()
      mounted = null
    },
  }
}

const SECOND = 1_000
/** As many events as a report can contain. */
const KEPT = 10_000

/** The time stands still at the end of a report. */
function past({ journal }: Report): TimelineSource {
  const end = journal.entries.at(-1)?.at ?? 0
  return { journal, here: null, now: () => end }
}

/**
 * Shows a report of another browser in the panel, as that browser has shown it. `report` is the text of a file that was saved
 * in "Why", or the file itself. Without a mounted panel it opens one for this report only.
 *
 * @returns a function that closes the report
 * @throws AuthError `invalid_option`, which says why the report cannot be read
 */
export async function openReport(source: string | Blob, options: DevtoolsOptions = {}): Promise<() => void> {
  const given = checked(options, RULES)
  const report = readReport(typeof source === 'string' ? source : await source.text())
  if (typeof document === 'undefined') return () => {}
  mounted ??= mountAlone(given)
  const one = mounted
  one.why.show(report)
  one.panel.open(one.why)
  const leave = takenAway(one)
  return () => {
    if (one === mounted) one.why.show(null)
    leave()
  }
}

function mountAlone(options: DevtoolsOptions): Mounted {
  const timeline = createTimeline({ journal: createJournal(), here: null, now: Date.now })
  const why = createWhy(null, report => report && timeline.show(past(report)))
  const panel = createPanel([why, timeline], panelOptions(options))
  panel.status('a report', '')
  return {
    ...{ key: null, panel, why, users: 0 },
    remove() {
      panel.remove()
      mounted = null
    },
  }
}
