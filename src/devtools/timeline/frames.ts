const SECOND = 1000

export interface Frames {
  /** Steps while all of this holds: it is wanted, the element is in sight, the page is visible. */
  want(isWanted: boolean): void
  dispose(): void
}

/** Once a frame, or once a second if the user wants less motion. */
export function createFrames(element: Element, step: () => void): Frames {
  const lessMotion = matchMedia('(prefers-reduced-motion: reduce)')
  let isWanted = true
  let isInSight = true
  let stop: (() => void) | null = null

  function look(): void {
    const isRunning = isWanted && isInSight && !document.hidden
    if (!isRunning) {
      stop?.()
      stop = null
    } else if (!stop) {
      stop = lessMotion.matches ? everySecond(step) : everyFrame(step)
    }
  }

  const observer = new IntersectionObserver(entries => {
    isInSight = entries.at(-1)?.isIntersecting ?? true
    look()
  })
  observer.observe(element)
  document.addEventListener('visibilitychange', look)
  const changed = () => {
    stop?.()
    stop = null
    look()
  }
  lessMotion.addEventListener('change', changed)
  look()

  return {
    want: wanted => {
      isWanted = wanted
      look()
    },
    dispose: () => {
      observer.disconnect()
      document.removeEventListener('visibilitychange', look)
      lessMotion.removeEventListener('change', changed)
      stop?.()
    },
  }
}

function everySecond(step: () => void): () => void {
  step()
  const timer = setInterval(step, SECOND)
  return () => clearInterval(timer)
}

function everyFrame(step: () => void): () => void {
  let request = requestAnimationFrame(again)
  function again(): void {
    request = requestAnimationFrame(again)
    step()
  }
  return () => cancelAnimationFrame(request)
}
