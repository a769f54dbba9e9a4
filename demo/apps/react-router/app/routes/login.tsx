import { Form } from 'react-router'
import { isAuthError } from 'silent-refresh'
import { auth, useSession } from '../auth'
import { signedOutOnly } from '../guards'
import type { Route } from './+types/login'

export const clientMiddleware: Route.ClientMiddlewareFunction[] = [signedOutOnly]

export const clientLoader = () => null
clientLoader.hydrate = true as const

export const HydrateFallback = () => <p>One moment …</p>

/** Returns what the user is told. After a login that succeeded the guard runs again, and leaves. */
export async function clientAction({ request }: Route.ClientActionArgs) {
  const form = await request.formData()
  try {
    await auth.login({ email: String(form.get('email')), password: String(form.get('password')) })
    return ''
  } catch (error) {
    if (!isAuthError(error)) throw error
    if (error.status === 401) return 'Wrong email or password.'
    if (error.status === 403) return 'This site is not allowed to log in.'
    if (error.retryable) return 'The server cannot be reached. Try again later.'
    return 'The login failed.'
  }
}

export default function Login({ actionData }: Route.ComponentProps) {
  // In an outage at the start nobody knows yet who is signed in.
  const isUnknown = useSession(session => session.status === 'unknown')
  if (isUnknown) return <p>One moment …</p>
  return (
    <Form method="post">
      <h1>Log in</h1>
      <label>
        Email <input name="email" autoComplete="username" required />
      </label>
      <label>
        Password <input name="password" type="password" autoComplete="current-password" required />
      </label>
      <button type="submit">Log in</button>
      {actionData && <p role="alert">{actionData}</p>}
    </Form>
  )
}
