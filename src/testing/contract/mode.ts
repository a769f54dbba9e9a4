/**
 * How the tokens of a backend travel. `bearer`: the access token in the body, the refresh token in a cookie. `cookie`: both
 * in cookies. `body`: both in the body. `sliding`: an access token in the body, which renews itself.
 */
export type ContractMode = 'bearer' | 'cookie' | 'body' | 'sliding'

/** By the names of the demo server's `--mode` and of docs/backend-modes.md. */
export const MODES: readonly ContractMode[] = ['bearer', 'cookie', 'body', 'sliding']

type Place = 'header' | 'cookie' | 'body'

/** Where a request has each token. */
export const TRAVELS: Readonly<Record<ContractMode, { readonly access: Place; readonly refresh: Place }>> = {
  bearer: { access: 'header', refresh: 'cookie' },
  cookie: { access: 'cookie', refresh: 'cookie' },
  body: { access: 'header', refresh: 'body' },
  // The access token is the refresh token too.
  sliding: { access: 'header', refresh: 'header' },
}
