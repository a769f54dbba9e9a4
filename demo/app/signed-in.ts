import type { Auth } from './types.ts'

class NobodySignedIn extends Error {
  override toString(): string {
    return 'Log in first: there is no session to break yet.'
  }
}

/** @throws where there is nothing to break, which is said in words */
export function signedIn(auth: Auth): void {
  if (auth.session.status !== 'authenticated') throw new NobodySignedIn()
}
