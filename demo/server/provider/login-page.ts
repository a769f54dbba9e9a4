import type { IncomingMessage, ServerResponse } from 'node:http'
import { text } from 'node:stream/consumers'
import type { Interaction, InteractionResult, Provider } from 'oidc-provider'
import type { Users } from '../users.ts'
import { escapeHtml, page } from './html.ts'
import type { ProviderOptions } from './settings.ts'
import { acrFor } from './step-up.ts'

export const LOGIN_PATH = '/login/'

const CANCELLED: InteractionResult = { error: 'access_denied', error_description: 'The user has cancelled' }

const form = ({ uid, params }: Interaction, filled: { email: string; password: string }, complaint: string) =>
  page(
    'Log in at the provider',
    `<p>to go on to ${escapeHtml(params.client_id ?? 'the app')}</p>
<form method="post" action="${LOGIN_PATH}${encodeURIComponent(uid)}">
  <p id="complaint" role="alert">${escapeHtml(complaint)}</p>
  <label for="email">Email</label>
  <input id="email" name="email" type="email" autocomplete="username" value="${escapeHtml(filled.email)}">
  <label for="password">Password</label>
  <input id="password" name="password" type="password" autocomplete="current-password" value="${escapeHtml(filled.password)}">
  <button id="log-in" name="do" value="log-in">Log in</button>
  <button id="cancel" name="do" value="cancel">Cancel</button>
</form>`,
  )

const show = (response: ServerResponse, html: string, status = 200) =>
  response
    .writeHead(status, { 'Content-Type': 'text/html; charset=utf-8', 'Cache-Control': 'no-store' })
    .end(html)

/** What the user is asked between the authorization request and its answer. */
export const createLoginPage = (
  provider: Provider,
  users: Users,
  suggested: ProviderOptions['suggested'] = { email: '', password: '' },
): ((request: IncomingMessage, response: ServerResponse) => Promise<void>) => {
  const findInteraction = async (request: IncomingMessage, response: ServerResponse) => {
    try {
      return await provider.interactionDetails(request, response)
    } catch {
      show(response, page('This login has expired', '<p>Go back to the app, and begin again.</p>'), 400)
      return null
    }
  }

  return async (request, response) => {
    const interaction = await findInteraction(request, response)
    if (!interaction) return
    const finish = (result: InteractionResult) => provider.interactionFinished(request, response, result)
    // `prompt=consent`: see consent.ts.
    if (interaction.prompt.name !== 'login') return finish({ consent: {} })
    if (request.method !== 'POST') {
      const { login_hint: email = suggested.email } = interaction.params
      const password = email === suggested.email ? suggested.password : ''
      show(response, form(interaction, { email, password }, ''))
      return
    }
    const fields = new URLSearchParams(await text(request))
    if (fields.get('do') === 'cancel') return finish(CANCELLED)
    const email = fields.get('email') ?? ''
    const user = await users.byCredentials(email, fields.get('password') ?? '')
    if (!user) {
      show(response, form(interaction, { email, password: '' }, 'The email or the password is wrong.'))
      return
    }
    return finish({
      login: { accountId: user.sub, acr: acrFor(interaction.params.acr_values), amr: ['pwd'] },
    })
  }
}
