import { button, byId, create, input, onSubmit, setText, whileBusy } from './dom.ts'
import { readConfig } from './server.ts'
import type { Auth } from './types.ts'
import { loginErrorInWords } from './words.ts'

const form = byId('login-form', HTMLFormElement)
const email = input('email')
const password = input('password')

export function mountLogin(auth: Auth): void {
  onSubmit(form, button('login'), async () => {
    const credentials = { email: email.value, password: password.value }
    if (await logIn(auth, credentials, 'password-result')) form.reset()
    else password.focus()
  })
  void offerAccounts(auth)
}

async function logIn(
  auth: Auth,
  credentials: { email: string; password: string },
  outcomeId: string,
): Promise<boolean> {
  const result = byId(outcomeId, HTMLElement)
  setText(result, '')
  try {
    await auth.login(credentials)
    return true
  } catch (error) {
    setText(result, loginErrorInWords(error))
    result.dataset.outcome = 'bad'
    return false
  }
}

/** A demo may tell its passwords. */
async function offerAccounts(auth: Auth): Promise<void> {
  const { credentials } = await readConfig().catch(() => ({ credentials: [] }))
  const choices = credentials.map(({ name, email, password }, index) => {
    const properties = { type: 'button', className: index === 0 ? 'main' : '' } as const
    const choice = create('button', properties, `Log in as ${name.split(' ', 1)}`)
    choice.dataset.testid = `login-as-${email}`
    choice.addEventListener(
      'click',
      () => void whileBusy(choice, async () => void (await logIn(auth, { email, password }, 'login-result'))),
    )
    return choice
  })
  byId('accounts', HTMLElement).replaceChildren(...choices)
}
