import { setText } from '../dom.ts'

export interface Progress {
  /** How many seconds each of the steps takes, idle. */
  begin(steps: readonly number[]): void
  /** One more is done. */
  step(): void
  end(): void
}

/** A bar and the time that is left, as fast as this machine was so far. */
export function createProgress(bar: HTMLProgressElement, left: HTMLElement): Progress {
  let steps: readonly number[] = []
  let done = 0
  let started = 0

  const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0)

  function show(): void {
    const rest = sum(steps.slice(done))
    const past = sum(steps.slice(0, done))
    bar.value = past / (past + rest || 1)
    const pace = past > 0 ? (performance.now() - started) / 1000 / past : 1
    setText(left, rest > 0 ? `About ${Math.max(1, Math.round(rest * pace))} s left.` : '')
  }

  return {
    begin(next) {
      steps = next
      done = 0
      started = performance.now()
      show()
    },
    step() {
      done++
      show()
    },
    end() {
      bar.value = 1
      setText(left, '')
    },
  }
}
