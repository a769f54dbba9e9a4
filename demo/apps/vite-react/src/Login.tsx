import { type SubmitEvent, useState } from 'react'
import { isAuthError } from 'silent-refresh'
import { useAuth } from './auth'

export function Login() {
  const { login } = useAuth()
  const [message, setMessage] = useState('')

  // No `action`: React would empty the form, and the user would have to write the email again.
  async function logIn(event: SubmitEvent<HTMLFormElement>) {
    event.preventDefault()
    const form = new FormData(event.currentTarget)
    setMessage('')
    try {
      await login({ email: String(form.get('email')), password: String(form.get('password')) })
    } catch (error) {
      setMessage(messageOf(error))
    }
  }

  return (
    <form onSubmit={logIn}>
      <h1>Log in</h1>
      <label>
        Email <input name="email" autoComplete="username" required />
      </label>
      <label>
        Password <input name="password" type="password" autoComplete="current-password" required />
      </label>
      <button type="submit">Log in</button>
      {message && <p role="alert">{message}</p>}
    </form>
  )
}

function messageOf(error: unknown): string {
  if (!isAuthError(error)) throw error
  if (error.status === 401) return 'Wrong email or password.'
  if (error.status === 403) return 'This site is not allowed to log in.'
  if (error.retryable) return 'The server cannot be reached. Try again later.'
  return 'The login failed.'
}
