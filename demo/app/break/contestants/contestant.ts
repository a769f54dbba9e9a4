/** One client in one tab, as an app would have set it up. */
export interface Contestant {
  login(credentials: Credentials): Promise<void>
  /** What an app does when it starts in a browser that may be signed in already. */
  start(): Promise<void>
  /** One call to the API. Rejects where the app does not get what it asked for. */
  get(path: string): Promise<void>
}

export interface Credentials {
  email: string
  password: string
}

/** `base`: the address of its own auth server, with a slash at the end. */
export type CreateContestant = (base: string) => Contestant
