import type { Mode } from './server.ts'

export interface Choices {
  tabs: 'share' | 'notify'
  /** The mode that the page before this one switched to. */
  switched: string | null
}

const query = new URLSearchParams(location.search)

/** What was chosen on the page before this one, from its address. A token is never part of an address. */
export const choices: Choices = {
  tabs: query.get('tabs') === 'notify' ? 'notify' : 'share',
  switched: query.get('switched'),
}

export function hrefOf({ tabs, switched }: { tabs: Choices['tabs']; switched?: Mode }): string {
  const next = new URLSearchParams({ ...(tabs !== 'share' && { tabs }), ...(switched && { switched }) })
  return `${location.pathname}${next.size > 0 ? `?${next}` : ''}`
}
