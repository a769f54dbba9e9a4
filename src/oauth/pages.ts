import { invalid } from '../kernel/errors.ts'
import type { Config } from './options.ts'

/** The pages that the server sends the browser to. Absolute. */
export interface Pages {
  readonly redirect: string
  readonly silent: string
  readonly afterLogout: string
}

/** @throws AuthError `invalid_option`, naming the option */
export function readPages(config: Config, here: string): Pages {
  const { origin } = new URL(here)
  const read = (name: 'redirectUri' | 'silentRedirectUri' | 'postLogoutRedirectUri'): string => {
    const value = config[name]
    if (!URL.canParse(value, here)) throw invalid(name, 'a URL')
    const url = new URL(value, here)
    // A page of another origin could not read the answer.
    if (url.origin !== origin || url.href.includes('#'))
      throw invalid(name, 'a page of this origin, without a fragment')
    return url.href
  }
  return {
    redirect: read('redirectUri'),
    silent: read('silentRedirectUri'),
    afterLogout: read('postLogoutRedirectUri'),
  }
}

/** Is the page, an address without query and fragment, the one that this URI names? */
export const isPageOf = (page: string, uri: string): boolean => page === uri.replace(/\?.*/, '')
