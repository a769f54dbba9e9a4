import { isAuthError } from 'silent-refresh'
import type { Auth } from './auth.ts'
import { button, byId, create, input, onSubmit, setText } from './dom.ts'
import { readConfig } from './server.ts'
import { errorInWords, serverMessage } from './words.ts'

const form = byId('login-form', HTMLFormElement)
const email = input('email')
const password = input('password')
const failure = byId('login-error', HTMLElement)

export function mountLogin(auth: Auth): void {
  onSubmit(form, button('login'), async () => {
    setText(failure, '')
    try {
      await auth.login({ email: email.value, password: password.value })
      form.reset()
    } catch (error) {
      setText(failure, inWords(error))
      password.focus()
    }
  })
  void hint()
}

/** The server's own sentence, where it refused the credentials. */
function inWords(error: unknown): string {
  if (!isAuthError(error)) return errorInWords(error)
  if (error.code === 'login_rejected') return serverMessage(error.body) ?? error.message
  return error.retryable ? `${error.message} Try again in a moment.` : error.message
}

/** A demo may tell its passwords. */
async function hint(): Promise<void> {
  const { credentials } = await readConfig().catch(() => ({ credentials: [] }))
  const choices = credentials.map(account => {
    const choice = create('button', { type: 'button', className: 'plain' }, account.name)
    choice.dataset.testid = `fill-in-${account.email}`
    choice.addEventListener('click', () => {
      email.value = account.email
      password.value = account.password
      button('login').focus()
    })
    return choice
  })
  byId('accounts', HTMLElement).append(...choices)
  byId('login-hint', HTMLElement).hidden = choices.length === 0
}
