import type { Auth } from '../types.ts'
import { mountComparison } from './comparison.ts'
import { mountGrace } from './grace.ts'
import { mountLostAnswer } from './lost-answer.ts'
import { mountMoreTabs } from './more-tabs.ts'
import { mountRevocation } from './revocation.ts'
import { mountServerFaults } from './server-faults.ts'
import { mountTheft } from './theft.ts'
import { mountWake } from './wake.ts'

export { showGrace } from './grace.ts'
export { showFaults } from './server-faults.ts'

/** Switches and buttons that break things, and what common alternatives do in the same situation. */
export function mountBreak(auth: Auth): void {
  mountWake(auth)
  mountMoreTabs()
  mountRevocation()
  mountServerFaults()
  mountLostAnswer(auth)
  mountGrace()
  mountTheft(auth)
  mountComparison()
}
