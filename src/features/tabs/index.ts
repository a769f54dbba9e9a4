import { demand, type Feature } from '../feature.ts'
import { hasOnly, pick } from '../own.ts'

/** What `shareTabs` takes. */
export interface ShareTabsOptions {
  /**
   * `false`: messages between the tabs carry no token. Each tab then refreshes on its own, one after the other.
   * @default true
   */
  tokens?: boolean | undefined
}

export interface TabsFeature extends Feature<'tabs'> {
  readonly tokens: boolean
}

/**
 * All tabs of the browser share one session: one tab refreshes and hands the access token to the others, and a login or
 * logout in one tab takes effect in all of them. Uses Web Locks and BroadcastChannel; a refresh token is never in any message.
 *
 * @throws AuthError `invalid_option`
 */
export function shareTabs(options: ShareTabsOptions = {}): TabsFeature {
  demand(hasOnly(options, 'tokens'), 'shareTabs', 'given { tokens } or nothing')
  const { tokens = true } = pick(options, 'tokens')
  demand(typeof tokens === 'boolean', 'tokens', 'a boolean')
  return Object.freeze({ feature: 'tabs', tokens })
}
