import { findNames } from './cookie-names.ts'
import type { SetCookie } from './cookies.ts'
import { copyHeld, type Held } from './held.ts'
import type { Answer } from './http.ts'
import { TRAVELS } from './mode.ts'
import type { EndpointName, Settings } from './options.ts'
import { readTokens, type Tokens } from './tokens.ts'

type TokenName = 'access' | 'refresh'

/** By what a request shows who sends it, beside its cookies. */
export interface Carried {
  readonly headers: Readonly<Record<string, string>>
  readonly json?: Readonly<Record<string, string>>
}

const NOTHING: Carried = { headers: {} }

/** How the tokens travel: the one thing in which the modes differ. */
export interface Carrier {
  readonly travels: (typeof TRAVELS)[Settings['mode']]
  /** Finds out by a login which cookies have the tokens. */
  learn(login: Answer): void
  /** The tokens in a login or refresh answer, or in words why the client finds none. */
  read(answer: Answer): Tokens | string
  /** What a request of the page has. `value`: this CSRF value instead of that of the cookie; `null`: none. */
  carry(endpoint: EndpointName, held: Held, value?: string | null): Carried
  /** What the page reads in its cookie for CSRF; `null`: nothing. */
  csrf(held: Held): string | null
  /** The same browser with another token; with none if it is empty. */
  replaced(held: Held, token: TokenName, value: string): Held
  /** The same browser, after its access token has expired. */
  expired(held: Held): Held
  /** What an answer does to the cookie with this token. */
  cookies(answer: Answer, name: TokenName | 'csrf'): readonly SetCookie[]
}

export function createCarrier(settings: Settings): Carrier {
  const { mode, csrfCookie, csrfHeader, refreshField } = settings
  const travels = TRAVELS[mode]
  const names = { access: settings.accessCookie, refresh: settings.cookie, csrf: csrfCookie }
  const sentField = refreshField.split('.').at(-1) || 'refresh_token'

  const cookies = (answer: Answer, name: keyof typeof names): SetCookie[] => {
    const isToken = name === 'csrf' ? mode === 'cookie' : travels[name] === 'cookie'
    return isToken ? answer.cookies.filter(cookie => cookie.name === names[name]) : []
  }

  const given = (answer: Answer, name: TokenName): string =>
    cookies(answer, name).findLast(({ isCleared }) => !isCleared)?.value ?? ''

  function show({ accessToken, refreshToken }: Held, token: TokenName): Carried {
    const place = travels[token]
    if (place === 'header' && accessToken) return { headers: { Authorization: `Bearer ${accessToken}` } }
    // The jar has the cookies.
    return place === 'body' && refreshToken ? { headers: {}, json: { [sentField]: refreshToken } } : NOTHING
  }

  function csrf({ jar }: Held): string | null {
    const value = jar.value(csrfCookie)
    try {
      return value ? decodeURIComponent(value) : null
    } catch {
      return value ?? null
    }
  }

  function replaced(held: Held, token: TokenName, value: string): Held {
    const copy = copyHeld(held)
    if (travels[token] === 'cookie') copy.jar.put(names[token], value)
    else if (travels[token] === 'body') copy.refreshToken = value
    else copy.accessToken = value
    return copy
  }

  return {
    travels,
    cookies,
    csrf,
    replaced,
    learn({ cookies: set }) {
      if (travels.refresh === 'cookie') Object.assign(names, findNames(set, settings))
    },
    read: answer =>
      readTokens(answer, settings, { access: given(answer, 'access'), refresh: given(answer, 'refresh') }),
    carry(endpoint, held, value = csrf(held)) {
      if (endpoint === 'login') return NOTHING
      const isAuth = endpoint === 'refresh' || endpoint === 'logout'
      const isUnsafe = isAuth || endpoint === 'apiPost'
      const refresh = isAuth ? show(held, 'refresh') : NOTHING
      const access = endpoint === 'refresh' ? NOTHING : show(held, 'access')
      const guard = mode === 'cookie' && isUnsafe && value ? { [csrfHeader]: value } : {}
      const json = endpoint === 'apiPost' ? {} : refresh.json
      return { headers: { ...refresh.headers, ...access.headers, ...guard }, ...(json && { json }) }
    },
    // A token that renews itself is all that the page has.
    expired: held => (mode === 'sliding' ? copyHeld(held) : replaced(held, 'access', '')),
  }
}
