import { SignedOutOnly } from '../session'
import { LoginForm } from './form'

export default function Page() {
  return (
    <SignedOutOnly>
      <LoginForm />
    </SignedOutOnly>
  )
}
