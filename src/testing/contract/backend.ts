import { type Carried, type Carrier, createCarrier } from './carrier.ts'
import { createHeld, type Held } from './held.ts'
import { type Answer, send } from './http.ts'
import type { Fault } from './judge.ts'
import type { EndpointName, Settings } from './options.ts'
import { tell } from './telling.ts'
import { isOk, type Tokens } from './tokens.ts'

export interface Ask {
  /** What the browser has; what the answer gives is stored too. @default nothing is sent or stored */
  readonly held?: Held
  /** The answer is lost: nothing of it is stored. */
  readonly isLost?: boolean
  /** `null`: the header is not sent. @default that of the page */
  readonly origin?: string | null
  /** `null`: the header is not sent. @default what a browser sends for the page */
  readonly site?: string | null
  /** In cookie mode. `null`: the header is not sent. @default what the page reads in its cookie */
  readonly csrf?: string | null
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
  readonly held: Held
  readonly login: Answer
  /** Of the login. */
  readonly tokens: Tokens
  /** @default as the browser of `held` */
  refresh(ask?: Ask): Promise<Answer>
}

export interface Backend {
  readonly settings: Settings
  readonly carrier: Carrier
  /** Every answer so far. */
  readonly received: readonly Received[]
  ask(endpoint: EndpointName, ask?: Ask): Promise<Answer>
  /** The browser of the first login. Its session goes on. */
  readonly first: Held
  /** @throws Stopped if the login fails */
  visit(): Promise<Visit>
  /** The one visit of all checks that neither refresh nor log out, to save logins. */
  reader(): Promise<Visit>
  /** Set once the server has accepted no more logins. */
  readonly limit: LoginLimit | null
  wait(seconds: number): Promise<void>
}

/** The rest of a group of checks cannot be done. */
export class Stopped extends Error {
  override name = 'Stopped'
}

/** How many logins the contract needs at most. */
export const LOGINS = 20

/** The server accepts no more logins for now. */
export class LoginLimit extends Stopped {
  readonly fault: Fault

  constructor(answer: Answer, logins: number) {
    super('more logins are needed')
    this.fault = {
      seen: `${tell(answer)} for login ${logins} of the run. Raise your limit on logins: the check needs ${LOGINS}`,
      expected: `no 429 within ${LOGINS} logins, some of them wrong on purpose`,
      why: 'A limit is right, but ends the check. Raise it for the run alone.',
      see: 'docs/backend.md#check-your-server',
    }
  }
}

export function createBackend(settings: Settings): Backend {
  const { userField, passwordField, loginFields, form } = settings
  const carrier = createCarrier(settings)
  const received: Received[] = []
  let logins = 0
  let limit: LoginLimit | null = null
  let reader: Promise<Visit> | null = null
  const site = settings.cors ? 'same-site' : 'same-origin'

  function loginText({ fields, text }: Ask): string {
    if (text !== undefined) return text
    const own = fields ?? { [userField]: settings.user, [passwordField]: settings.password }
    const all = { ...loginFields, ...own }
    return form ? new URLSearchParams(all as Record<string, string>).toString() : JSON.stringify(all)
  }

  async function ask(endpoint: EndpointName, given: Ask = {}): Promise<Answer> {
    const { held, origin = settings.origin, method = methodOf(endpoint) } = given
    const url = settings[endpoint]
    if (!url) throw new Stopped(`needs the option ${settings.nameOf('apiPost')}`)
    const { headers, json }: Carried =
      held && method !== 'OPTIONS' ? carrier.carry(endpoint, held, given.csrf) : { headers: {} }
    const isLogin = endpoint === 'login' && method === 'POST'
    // More of them could make the server wait longer.
    if (isLogin && limit) throw limit
    const body = isLogin ? loginText(given) : json && JSON.stringify(json)
    const type = isLogin && form ? 'application/x-www-form-urlencoded' : 'application/json'
    const cookie = held?.jar.header(url.pathname)
    const fetchSite = given.site === undefined ? site : given.site
    const answer = await send({
      method,
      url,
      headers: {
        ...(origin !== null && { Origin: origin }),
        ...(fetchSite !== null && { 'Sec-Fetch-Site': fetchSite }),
        ...(body !== undefined && { 'Content-Type': type }),
        ...(cookie && { Cookie: cookie }),
        ...headers,
        Accept: 'application/json',
        ...settings.headers,
        ...given.headers,
      },
      body,
    })
    if (isLogin) logins += 1
    if (isLogin && answer.status === 429) {
      limit = new LoginLimit(answer, logins)
      throw limit
    }
    received.push({ answer, endpoint, method, origin })
    if (held && !given.isLost) store(held, endpoint, answer)
    return answer
  }

  function store(held: Held, endpoint: EndpointName, answer: Answer): void {
    held.jar.store(answer.cookies)
    if (endpoint === 'login' && isOk(answer)) carrier.learn(answer)
    const tokens = endpoint === 'login' || endpoint === 'refresh' ? carrier.read(answer) : ''
    if (typeof tokens === 'string') return
    held.accessToken = tokens.accessToken
    // As the client, which goes on with the one that it has.
    held.refreshToken = tokens.refreshToken || held.refreshToken
  }

  async function visit(): Promise<Visit> {
    const held = createHeld()
    const login = await ask('login', { held })
    const tokens = carrier.read(login)
    if (typeof tokens === 'string') throw new Stopped(`a later login was answered with ${tokens}`)
    return { held, login, tokens, refresh: given => ask('refresh', { held, ...given }) }
  }

  return {
    settings,
    carrier,
    received,
    ask,
    first: createHeld(),
    visit,
    reader() {
      reader ??= visit()
      return reader
    },
    get limit() {
      return limit
    },
    async wait(seconds) {
      settings.onWait(seconds * 1000)
      await settings.wait(seconds * 1000)
    },
  }
}

/** What the client sends there. */
export const methodOf = (endpoint: EndpointName): string =>
  endpoint === 'api' || endpoint === 'me' ? 'GET' : 'POST'
