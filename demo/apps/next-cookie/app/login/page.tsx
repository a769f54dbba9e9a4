import { SignedOutOnly } from '../guards'
import { LoginForm } from './form'

export default function Page() {
  return (
    <SignedOutOnly>
      <LoginForm />
    </SignedOutOnly>
  )
}
