import { readStandard } from '../../kernel/answer.ts'
import type { Answer } from './http.ts'
import { TRAVELS } from './mode.ts'
import type { Settings } from './options.ts'
import { hintOfMode, tell } from './telling.ts'

/** What an answer gives the client. */
export interface Tokens {
  readonly accessToken: string
  /** Empty if the answer has none. In sliding mode it is the access token. */
  readonly refreshToken: string
  /** Seconds; `undefined` if the answer has none that the client could use. */
  readonly expiresIn: number | undefined
  readonly user: unknown
  /** Of a JWT; `null` for any other token. */
  readonly claims: Readonly<Record<string, unknown>> | null
}

/** What the cookies of an answer hold; empty if there is no such cookie. */
export interface CookieTokens {
  readonly access: string
  readonly refresh: string
}

type Access = { readonly token: string } | { readonly fault: string }

export const isOk = ({ status }: Answer): boolean => status >= 200 && status < 300

/** As the kernel has it, whose file needs jwt-decode: the command needs no package. */
const USABLE = /^[\x21-\x7e]{1,65536}$/

/** The tokens in a login or refresh answer, or in words why the client finds none. */
export function readTokens(answer: Answer, settings: Settings, cookies: CookieTokens): Tokens | string {
  if (!isOk(answer)) return tell(answer)
  const { body } = answer
  const { mode, expiresField, refreshField } = settings
  const access = mode === 'cookie' ? inCookie(answer, settings, cookies.access) : inBody(answer, settings)
  if ('fault' in access) return access.fault
  const found = readStandard(body, new Response(), 'refresh') ?? {}
  const lifetime = Number((expiresField ? at(body, expiresField) : found.expiresIn) ?? Number.NaN)
  const places = {
    cookie: cookies.refresh,
    body: refreshField ? at(body, refreshField) : found.refreshToken,
    header: access.token,
  }
  const refreshToken = places[TRAVELS[mode].refresh]
  return {
    accessToken: access.token,
    refreshToken: typeof refreshToken === 'string' ? refreshToken : '',
    expiresIn: lifetime > 0 ? lifetime : undefined,
    user: found.user,
    claims: readClaims(access.token),
  }
}

function inBody(answer: Answer, settings: Settings): Access {
  const { body, status } = answer
  const { tokenField } = settings
  if (typeof body !== 'object' || body === null) return { fault: `${tell(answer)}, which is no JSON object` }
  const found = readStandard(body, new Response(), 'refresh') ?? {}
  const given = tokenField ? at(body, tokenField) : found.accessToken
  if (given == null) {
    const fields = Object.keys(body).join(', ') || '(none)'
    return { fault: `${status} with the fields ${fields}${hintOfMode(settings)}` }
  }
  const token = typeof given === 'string' ? given.replace(/^bearer +/i, '') : ''
  if (!USABLE.test(token)) {
    return { fault: 'an access token that is not 1 to 65,536 visible ASCII characters' }
  }
  const type = (body as { token_type?: unknown }).token_type
  // A client that is told where the token is reads no type.
  return !tokenField && typeof type === 'string' && !/^bearer$/i.test(type)
    ? { fault: `the token_type ${JSON.stringify(type)}` }
    : { token }
}

function inCookie(answer: Answer, settings: Settings, token: string): Access {
  const { body, status, cookies } = answer
  if (typeof body === 'string' && /^\s*</.test(body)) return { fault: `${tell(answer)}, which is a page` }
  if (token) return { token }
  const names = cookies.filter(({ isCleared }) => !isCleared).map(({ name }) => name)
  return {
    fault:
      names.length > 0
        ? `${status} with the cookies ${names.join(', ')}. Name the one with the access token with ${settings.nameOf('accessCookie')}`
        : `${status} without a cookie${hintOfMode(settings)}`,
  }
}

/** `data.token` */
const at = (body: unknown, path: string): unknown =>
  path.split('.').reduce<unknown>((value, name) => Object(value)[name], body)

function readClaims(token: string): Tokens['claims'] {
  const [, payload = '', ...rest] = token.split('.')
  if (rest.length !== 1) return null
  try {
    const claims: unknown = JSON.parse(Buffer.from(payload, 'base64url').toString())
    return typeof claims === 'object' && !Array.isArray(claims) ? (claims as Tokens['claims']) : null
  } catch {
    return null
  }
}

/** What is wrong with `expires_in`, in words. */
export function faultOfLifetime({ expiresIn, claims }: Tokens): string | null {
  if (expiresIn === undefined) return 'no expires_in'
  const { exp, iat } = claims ?? {}
  if (typeof exp !== 'number' || typeof iat !== 'number') return null
  // Both may have been rounded.
  return Math.abs(exp - iat - expiresIn) > 1 ? `expires_in ${expiresIn}, and exp - iat ${exp - iat}` : null
}
