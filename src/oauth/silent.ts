import { unlessAborted, within } from '../kernel/abort.ts'
import { AuthError } from '../kernel/errors.ts'
import type { Kernel } from '../kernel/feature.ts'
import type { Windows } from '../kernel/windows.ts'
import type { Begin } from './authorization.ts'
import { type Callback, readCallback, readCode } from './callback.ts'
import type { Metadata } from './metadata.ts'
import { type Config, readLoginRequest } from './options.ts'
import type { Pages } from './pages.ts'
import type { Transaction } from './transaction.ts'

/**
 * Asks the server in a hidden frame whether somebody is signed in there. `null`: nobody is, or the browser does not let the
 * frame see it.
 *
 * @throws AuthError `refresh_unavailable`, `malformed_response`
 */
export type AskSilently = (
  idToken: string | undefined,
  signal: AbortSignal,
) => Promise<{ code: string; transaction: Transaction } | null>

/** The errors of a server that would have to show a page (OpenID Connect Core 1.0 §3.1.2.6). */
const NOBODY = ['login_required', 'interaction_required', 'consent_required', 'account_selection_required']

type Needs = Pick<Kernel, 'settings' | 'environment' | 'disposal'>

export function createSilent(
  { settings, environment, disposal }: Needs,
  windows: Windows,
  config: Config,
  metadata: Metadata,
  begin: Begin,
  pages: Pages,
): AskSilently {
  const { timeout, log } = settings
  const late = () => new AuthError('refresh_unavailable', 'The hidden frame has not loaded in time.')

  async function ask(idToken: string | undefined, signal: AbortSignal): ReturnType<AskSilently> {
    const login = readLoginRequest({}, config, '/', String)
    const more = { prompt: 'none', id_token_hint: idToken }
    const { url, state, transaction } = await begin('frame', login, pages.silent, signal, more)
    const found = await load(windows, url, state, signal)
    // A login page and a server that is away look the same from here.
    if (!found) await metadata.reach(signal)
    const code = found && codeOf(await metadata.get('refresh', signal), found)
    log({ type: 'silent', outcome: code ? 'answer' : found ? 'nobody' : 'unreadable' })
    return code ? { code, transaction } : null
  }

  function codeOf(server: Parameters<typeof readCode>[0], found: Callback): string | null {
    try {
      return readCode(server, found)
    } catch (error) {
      const { body } = error as AuthError
      if (NOBODY.includes((body as { error?: string } | undefined)?.error ?? '')) return null
      throw new AuthError(
        'refresh_unavailable',
        'The authorization server has refused to answer the hidden frame.',
        {
          body,
        },
      )
    }
  }

  return async (idToken, signal) =>
    windows.hasCrypto()
      ? within(environment, timeout, late, inner => ask(idToken, inner), signal, disposal.signal)
      : null
}

/** `null`: the frame shows a page of another origin. */
async function load(
  windows: Windows,
  url: string,
  state: string,
  signal: AbortSignal,
): Promise<Callback | null> {
  let undo = () => {}
  try {
    const loaded = new Promise<Callback | null>(resolve => {
      undo = windows.frame(url, href => {
        if (href === 'about:blank') return
        const found = href === null ? null : readCallback(href)
        resolve(found?.state === state && found.isAnswer ? found : null)
      })
    })
    return await unlessAborted(loaded, signal)
  } finally {
    undo()
  }
}
