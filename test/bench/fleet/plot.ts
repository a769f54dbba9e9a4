import { round } from './report.ts'
import type { Scenario } from './scenarios.ts'
import type { Schedule } from './schedules.ts'
import type { Result } from './simulate.ts'

const WIDTH = 760
const PANEL = 74
const GAP = 30
const TOP = 58
const LEFT = 64
const RIGHT = 20
const BOTTOM = 46
const COLUMNS = 300

/** Carries its own surface: what shows it may be light where the system is dark. */
const STYLE = `
  svg { --surface: #fcfcfb; --ink: #1f2328; --soft: #59636e; --line: #d8dee4; --ours: #0a66c2; --other: #9a6700 }
  @media (prefers-color-scheme: dark) {
    svg { --surface: #151b23; --ink: #f0f6fc; --soft: #9198a1; --line: #313843; --ours: #58a6ff; --other: #d29922 }
  }
  text { font: 12px system-ui, sans-serif; fill: var(--soft) }
  .title { font-size: 14px; font-weight: 600; fill: var(--ink) }
  .name { font-weight: 600; fill: var(--ink) }
  .axis { stroke: var(--line) }
  .ours { --colour: var(--ours) }
  .other { --colour: var(--other) }
  .mean { fill: var(--colour) }
  .peak { fill: var(--colour); opacity: 0.35 }`

/** One panel for each schedule, all on one scale. */
export function plot(scenario: Scenario, rows: [Schedule, Result][]): string {
  const height = TOP + rows.length * (PANEL + GAP) + BOTTOM - GAP
  const most = niceCeiling(Math.max(...rows.map(([, { peak }]) => peak)))
  const clients = rows[0]![1].clients.toLocaleString('en')
  const panels = rows.map(([schedule, result], index) =>
    panel(schedule, result, most, TOP + index * (PANEL + GAP)),
  )
  const caption = `Refresh calls a second, ${clients} clients. Solid: the mean of each column; pale: its busiest second.`
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="${scenario.title}">
<style>${STYLE}
</style>
<rect width="${WIDTH}" height="${height}" rx="6" fill="var(--surface)"/>
<text class="title" x="16" y="22">${scenario.title}</text>
<text x="16" y="40">${caption}</text>
${panels.join('\n')}
${timeAxis(scenario, height - BOTTOM)}
</svg>
`
}

function panel({ label, name }: Schedule, { arrivals, peak }: Result, most: number, top: number): string {
  const base = top + PANEL
  const { width, means, peaks } = columns(arrivals)
  const y = (rate: number) => base - (rate / most) * (PANEL - 18)
  const area = (rates: number[]) => {
    const x = (column: number) =>
      LEFT + Math.min(1, (column * width) / arrivals.length) * (WIDTH - LEFT - RIGHT)
    const steps = rates.map((rate, column) => `V${short(y(rate))}H${short(x(column + 1))}`)
    return `M${LEFT} ${base}${steps.join('')}V${base}z`
  }
  const isOurs = name === 'silent-refresh'
  return `<g class="${isOurs ? 'ours' : 'other'}">
<path class="axis" d="M${LEFT} ${y(most)}H${WIDTH - RIGHT}M${LEFT} ${base}H${WIDTH - RIGHT}"/>
<text x="${LEFT - 8}" y="${y(most) + 4}" text-anchor="end">${round(most)}/s</text>
<text x="${LEFT - 8}" y="${base + 4}" text-anchor="end">0</text>
<text class="name" x="${LEFT}" y="${top + 10}">${label}</text>
<text x="${WIDTH - RIGHT}" y="${top + 10}" text-anchor="end">peak ${round(peak)}/s</text>
<path class="peak" d="${area(peaks)}"/>
<path class="mean" d="${area(means)}"/>
</g>`
}

function columns(arrivals: number[]): { width: number; means: number[]; peaks: number[] } {
  const width = Math.ceil(arrivals.length / COLUMNS)
  const means: number[] = []
  const peaks: number[] = []
  for (let from = 0; from < arrivals.length; from += width) {
    const column = arrivals.slice(from, from + width)
    means.push(column.reduce((sum, count) => sum + count, 0) / column.length)
    peaks.push(Math.max(...column))
  }
  return { width, means, peaks }
}

function timeAxis({ measuredFrom, end, zero = 0 }: Scenario, y: number): string {
  const minutes = (end - measuredFrom) / 60
  const step = [1, 2, 5, 10, 30, 60].find(candidate => minutes / candidate <= 12) ?? 60
  const first = Math.ceil((measuredFrom - zero) / 60 / step) * step
  const ticks: string[] = []
  for (let minute = first; minute * 60 <= end - zero; minute += step) {
    const x = LEFT + ((minute * 60 + zero - measuredFrom) / (end - measuredFrom)) * (WIDTH - LEFT - RIGHT)
    ticks.push(
      `<path class="axis" d="M${short(x)} ${y}v5"/><text x="${short(x)}" y="${y + 18}" text-anchor="middle">${minute}</text>`,
    )
  }
  const label = `<text x="${(LEFT + WIDTH - RIGHT) / 2}" y="${y + 36}" text-anchor="middle">minutes</text>`
  return [...ticks, label].join('\n')
}

/** 1, 2 or 5 times a power of ten. */
function niceCeiling(value: number): number {
  const power = 10 ** Math.floor(Math.log10(value))
  return power * [1, 1.5, 2, 3, 5, 7.5, 10].find(factor => factor * power >= value)!
}

const short = (value: number): string => `${Number(value.toFixed(1))}`
