import { createJar, type Jar, type SetCookie } from './cookies.ts'
import { type Answer, send } from './http.ts'
import type { EndpointName, Settings } from './options.ts'
import { readTokens, type Tokens } from './tokens.ts'

export interface Ask {
  /** What the browser has stored; what the answer sets is stored too. @default nothing is sent or stored */
  readonly jar?: Jar
  /** The answer is lost: nothing of it is stored. */
  readonly isLost?: boolean
  /** `null`: the header is not sent. @default that of the page */
  readonly origin?: string | null
  /** `null`: the header is not sent. @default what a browser sends for the page */
  readonly site?: string | null
  readonly token?: string | undefined
  /** Fields of the login, instead of those of the settings. */
  readonly fields?: Readonly<Record<string, unknown>>
  /** The body as it is sent. */
  readonly text?: string
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
}

export interface Received {
  readonly answer: Answer
  readonly endpoint: EndpointName
  readonly method: string
  readonly origin: string | null
}

/** Somebody who is signed in, in a browser of their own. */
export interface Visit {
  readonly jar: Jar
  readonly login: Answer
  readonly tokens: Tokens
  /** @default with the cookies of `jar` */
  refresh(ask?: Ask): Promise<Answer>
}

export interface Backend {
  readonly settings: Settings
  /** Every answer so far. */
  readonly received: readonly Received[]
  ask(endpoint: EndpointName, ask?: Ask): Promise<Answer>
  /** @throws Stopped if the login fails */
  visit(): Promise<Visit>
  /** The name of the refresh cookie, once a login has shown it. */
  refreshCookie: string
  /** The cookies of an answer that hold a refresh token. */
  refreshCookies(answer: Answer): readonly SetCookie[]
  wait(seconds: number): Promise<void>
}

/** The rest of a group of checks cannot be done. */
export class Stopped extends Error {
  override name = 'Stopped'
}

export function createBackend(settings: Settings): Backend {
  const { userField, passwordField, loginFields, form } = settings
  const received: Received[] = []
  const site = settings.cors ? 'same-site' : 'same-origin'

  const loginBody = (fields: Ask['fields']) => {
    const own = fields ?? { [userField]: settings.user, [passwordField]: settings.password }
    const all = { ...loginFields, ...own }
    return form ? new URLSearchParams(all as Record<string, string>).toString() : JSON.stringify(all)
  }

  async function ask(endpoint: EndpointName, given: Ask = {}): Promise<Answer> {
    const { jar, token, method = endpoint === 'api' ? 'GET' : 'POST', origin = settings.origin } = given
    const url = settings[endpoint]
    const hasBody = endpoint === 'login' && method === 'POST'
    const type = form ? 'application/x-www-form-urlencoded' : 'application/json'
    const cookie = jar?.header(url.pathname)
    const fetchSite = given.site === undefined ? site : given.site
    const answer = await send({
      method,
      url,
      headers: {
        ...(origin !== null && { Origin: origin }),
        ...(fetchSite !== null && { 'Sec-Fetch-Site': fetchSite }),
        ...(hasBody && { 'Content-Type': type }),
        ...(cookie && { Cookie: cookie }),
        ...(token !== undefined && { Authorization: `Bearer ${token}` }),
        Accept: 'application/json',
        ...settings.headers,
        ...given.headers,
      },
      body: hasBody ? (given.text ?? loginBody(given.fields)) : undefined,
    })
    received.push({ answer, endpoint, method, origin })
    if (!given.isLost) jar?.store(answer.cookies)
    return answer
  }

  const backend: Backend = {
    settings,
    received,
    ask,
    refreshCookie: settings.cookie,
    refreshCookies: ({ cookies }) => cookies.filter(({ name }) => name === backend.refreshCookie),
    async visit() {
      const jar = createJar()
      const login = await ask('login', { jar })
      const tokens = readTokens(login, settings)
      if (typeof tokens === 'string') throw new Stopped(`a later login was answered with ${tokens}`)
      return { jar, login, tokens, refresh: given => ask('refresh', { jar, ...given }) }
    },
    async wait(seconds) {
      settings.onWait(seconds * 1000)
      await settings.wait(seconds * 1000)
    },
  }
  return backend
}
