/**
 * For backends: tries a running auth server, and reports point by point what works and what does not. Also a command,
 * `silent-refresh-contract`. Needs Node.
 *
 * @module silent-refresh/testing/contract
 */

export { type ContractReport, type ContractResult, checkBackend } from './check.ts'
export type { ContractMode } from './mode.ts'
export type { ContractOptions } from './options.ts'
export type { ContractPoint, PointId } from './point.ts'
export { contractPoints } from './points.ts'
export { formatReport } from './report.ts'
