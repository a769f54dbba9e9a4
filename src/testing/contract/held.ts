import { createJar, type Jar } from './cookies.ts'

/** What a browser has of a session: its cookies, and the tokens that JavaScript sees. */
export interface Held {
  readonly jar: Jar
  /** Empty: none. */
  accessToken: string
  refreshToken: string
}

export const createHeld = (): Held => ({ jar: createJar(), accessToken: '', refreshToken: '' })

/** As it is now; the original goes its own way. */
export const copyHeld = ({ jar, ...tokens }: Held): Held => ({ jar: jar.copy(), ...tokens })
