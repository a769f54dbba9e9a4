import { Component, signal } from '@angular/core'
import { isAuthError } from 'silent-refresh'
import { auth, injectSession } from './auth'

@Component({
  selector: 'app-login',
  template: `
    @if (isSignedOut()) {
      <form (submit)="logIn($event, email.value, password.value)">
        <h1>Log in</h1>
        <label>Email <input #email autocomplete="username" required /></label>
        <label>Password <input #password type="password" autocomplete="current-password" required /></label>
        <button>Log in</button>
        @if (message(); as text) {
          <p role="alert">{{ text }}</p>
        }
      </form>
    } @else {
      <p>One moment …</p>
    }
  `,
})
export class Login {
  readonly isSignedOut = injectSession(session => session.status === 'anonymous')
  readonly message = signal('')

  // After the login the guard leads the user back.
  async logIn(event: Event, email: string, password: string) {
    event.preventDefault()
    this.message.set('')
    try {
      await auth.login({ email, password })
    } catch (error) {
      this.message.set(messageOf(error))
    }
  }
}

function messageOf(error: unknown): string {
  if (!isAuthError(error)) throw error
  if (error.status === 401) return 'Wrong email or password.'
  if (error.status === 403) return 'This site is not allowed to log in.'
  if (error.retryable) return 'The server cannot be reached. Try again later.'
  return 'The login failed.'
}
