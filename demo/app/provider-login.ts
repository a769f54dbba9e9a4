import { isAuthError } from 'silent-refresh'
import { button, byId, setText, whileBusy } from './dom.ts'
import type { Auth } from './types.ts'
import { loginErrorInWords } from './words.ts'

const result = byId('login-result', HTMLElement)

/** Two ways to log in at the authorization server: the page leaves, or a popup opens. */
export function mountProviderLogin(auth: Auth): void {
  function show(error: unknown): void {
    // The user has closed the popup, or has come back: nothing that needs to be said.
    if (isAuthError(error) && error.code === 'login_cancelled') return
    setText(result, loginErrorInWords(error))
    result.dataset.outcome = 'bad'
  }
  const logIn = async (popup: boolean) => {
    setText(result, '')
    await auth.login({ popup }).catch(show)
  }

  const redirect = button('login-redirect')
  const popup = button('login-popup')
  redirect.addEventListener('click', () => void whileBusy(redirect, () => logIn(false)))
  // In the click itself: a browser blocks a popup that opens later.
  popup.addEventListener('click', () => void whileBusy(popup, () => logIn(true)))

  // A login that left the page has no promise that could reject.
  auth.on('loginError', ({ error }) => show(error))
  if (auth.session.status === 'anonymous' && auth.session.error) show(auth.session.error)
}
