/**
 * A panel that shows the session, what the client did, and why. For development. It shows no token.
 *
 * @module silent-refresh/devtools
 */

export type { JournalEvent, NetworkEvent, PageEvent, WireEvent } from './events.ts'
export { devtoolsFetch } from './faults.ts'
export { createJournal, type Journal, type JournalEntry } from './journal.ts'
export { type DevtoolsOptions, mountDevtools, openReport } from './mount.ts'
export { recordEvents } from './record.ts'
export { exportReport, type Report, type ReportFacts, readReport } from './report.ts'
export { type Explanation, why } from './why.ts'
