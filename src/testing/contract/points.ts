import { type ContractMode, MODES } from './mode.ts'
import type { ContractPoint, PointId, PointTexts } from './point.ts'
import { REQUESTS } from './points/requests.ts'
import { SESSION } from './points/session.ts'
import { SIGN_IN } from './points/sign-in.ts'
import { whyNotIn } from './scope.ts'

const TEXTS: PointTexts<PointId> = { ...SIGN_IN, ...SESSION, ...REQUESTS }
const IDS = Object.keys(TEXTS) as PointId[]

/** Every point in the order of the report, in the words of a mode. */
export const pointsIn = (mode: ContractMode): readonly ContractPoint[] =>
  IDS.map(id => {
    const { in: others, ...usual } = TEXTS[id]
    const text = { ...usual, ...others?.[mode] }
    const see = text.see.includes('#') ? text.see : `backend.md#${text.see}`
    return { ...text, id, see: `docs/${see}`, modes: MODES.filter(one => !whyNotIn(one, id)) }
  })

/**
 * Every point that the contract has in any mode, in the order of the report. `checkBackend` returns them in the words of its
 * mode.
 */
export const contractPoints: readonly ContractPoint[] = pointsIn('bearer')
