const wall = Date.now
const monotonic = performance.now.bind(performance)
let ahead = 0

// For the demo alone. Every script of this page reads these two when it asks for the time, and the client does too.
Date.now = () => wall() + ahead
performance.now = () => monotonic() + ahead

/** The clock that no sleep on this page moves. */
export const realNow: () => number = wall

/**
 * A laptop that was closed for that long. No timer rings meanwhile, and the clocks are ahead when the laptop opens again. The
 * page then gets the event `resume`.
 */
export function sleep(seconds: number): void {
  ahead += seconds * 1000
  document.dispatchEvent(new Event('resume'))
}
