import type { Context } from 'oidc-provider'
import { page } from './html.ts'

const SUBMIT = `<script>document.forms[0].append(Object.assign(document.createElement('input'),
  { type: 'hidden', name: 'logout', value: 'yes' })); document.forms[0].submit()</script>`

const BUTTONS = `<button form="op.logoutForm" id="log-out" name="logout" value="yes">Yes, log out</button>
<button form="op.logoutForm" id="stay">No, stay logged in</button>`

/** A client that shows an id token of the session is believed. Without one, a link on any page could do this: ask. */
export const askToLogOut = (ctx: Context, form: string): void => {
  ctx.body = ctx.oidc.entities.IdTokenHint
    ? page('Logging out', form + SUBMIT)
    : page('Do you want to log out?', form + BUTTONS)
}

export const showLoggedOut = (ctx: Context): void => {
  ctx.body = page('Logged out', '<p>You can close this page.</p>')
}
