import type { Feature } from '../feature.ts'

export type ModeFeature = Feature<'mode'>

/**
 * The access token is an HttpOnly cookie that JavaScript never sees, and no header is attached. `endpoints.user` is
 * required: it says after a page load whether somebody is signed in.
 */
export const cookieMode = (): ModeFeature => Object.freeze({ feature: 'mode' })
