import { isName, isObject, isText } from '../../kernel/checked.ts'
import { AuthError, invalid } from '../../kernel/errors.ts'
import { defined } from '../auth-server-options.ts'
import { type ContractMode, MODES } from './mode.ts'
import { isNamed, type PointId } from './point.ts'
import { contractPoints } from './points.ts'
import { whyNotIn } from './scope.ts'

/** What `checkBackend` takes. The defaults are those of the servers to copy. */
export interface ContractOptions {
  /** How the tokens of the backend travel. @default 'bearer' */
  mode?: ContractMode | undefined
  /** Path of the login. @default '/auth/login' */
  login?: string | undefined
  /** Path of the refresh. @default '/auth/refresh_token' */
  refresh?: string | undefined
  /** Path of the logout. @default '/auth/logout' */
  logout?: string | undefined
  /** A GET route that needs an access token. @default '/user/whoami' */
  api?: string | undefined
  /** Path of the user endpoint, in cookie mode. @default '/auth/me' */
  me?: string | undefined
  /** A POST route that needs an access token, for the point `csrf-api` in cookie mode. @default none */
  apiPost?: string | undefined
  /** Who signs in. @default 'ada@example.com' */
  user?: string | undefined
  /** @default 'correct horse battery staple' */
  password?: string | undefined
  /** The field of the login that has the user. @default 'email' */
  userField?: string | undefined
  /** The field of the login that has the password. @default 'password' */
  passwordField?: string | undefined
  /** More fields of the login. @default none */
  loginFields?: Readonly<Record<string, string>> | undefined
  /** Sends the login as a form instead of JSON. @default false */
  form?: boolean | undefined
  /** Where the access token is in the answers, as `data.token`, if the client's default would not find it. */
  tokenField?: string | undefined
  /** Where the lifetime is in the answers, in seconds, if the client's default would not find it. */
  expiresField?: string | undefined
  /**
   * Where the refresh token is in the answers, in body mode, as `data.refresh`. A refresh sends it by the last of these
   * names.
   * @default refresh_token or refreshToken, and sent as refresh_token
   */
  refreshField?: string | undefined
  /** The name of the refresh cookie. @default found by its name, or because it is the only one */
  cookie?: string | undefined
  /** The name of the access cookie, in cookie mode. @default found by its name, or because it is the only other one */
  accessCookie?: string | undefined
  /** The name of the cookie with the CSRF value, in cookie mode. @default 'XSRF-TOKEN' */
  csrfCookie?: string | undefined
  /** The header that a request sends this value back in. @default 'X-XSRF-TOKEN' */
  csrfHeader?: string | undefined
  /** Headers of every request. @default none */
  headers?: Readonly<Record<string, string>> | undefined
  /** The origin of the page. @default that of the backend */
  origin?: string | undefined
  /** Checks CORS for `origin` too. @default false */
  cors?: boolean | undefined
  /** The grace of the server in seconds, which is waited for. 0: it has none. @default 10 */
  grace?: number | undefined
  /** For how many seconds to wait at most until an access token expires. @default 20 */
  patience?: number | undefined
  /** Points that do not apply, and groups of them such as `grace`. @default none */
  without?: readonly string[] | undefined
  /** Lets milliseconds pass, for a server whose clock a test moves. @default real time */
  wait?: ((ms: number) => Promise<unknown>) | undefined
  /** Called before each wait. @default none */
  onWait?: ((ms: number) => void) | undefined
}

type Optional = 'tokenField' | 'expiresField'
type Given = {
  readonly [Name in Exclude<keyof ContractOptions, Optional>]-?: NonNullable<ContractOptions[Name]>
} & Pick<ContractOptions, Optional>

export const ENDPOINTS = ['login', 'refresh', 'logout', 'me', 'api', 'apiPost'] as const
export type EndpointName = (typeof ENDPOINTS)[number]

/** How the reader writes an option: `"userField"` in a test, `--user-field` for the command. */
export type NameOf = (option: keyof ContractOptions) => string

/** The checked options with their defaults. */
export interface Settings
  extends Omit<Given, EndpointName | 'without'>,
    Readonly<Record<Exclude<EndpointName, 'apiPost'>, URL>> {
  /** `null`: none was named. */
  readonly apiPost: URL | null
  /** Why a point is left out; `undefined` if it is checked. */
  leftOut(id: PointId): string | undefined
  readonly nameOf: NameOf
}

const DEFAULTS: Given = {
  mode: 'bearer',
  login: '/auth/login',
  refresh: '/auth/refresh_token',
  logout: '/auth/logout',
  api: '/user/whoami',
  me: '/auth/me',
  apiPost: '',
  user: 'ada@example.com',
  password: 'correct horse battery staple',
  userField: 'email',
  passwordField: 'password',
  loginFields: {},
  form: false,
  tokenField: undefined,
  expiresField: undefined,
  refreshField: '',
  cookie: '',
  accessCookie: '',
  csrfCookie: 'XSRF-TOKEN',
  csrfHeader: 'X-XSRF-TOKEN',
  headers: {},
  origin: '',
  cors: false,
  grace: 10,
  patience: 20,
  without: [],
  wait: ms => new Promise(resolve => setTimeout(resolve, ms)),
  onWait: () => {},
}

/** Options that would do nothing in the other modes. */
const ONLY_IN: Partial<Record<keyof Given, readonly ContractMode[]>> = {
  tokenField: ['bearer', 'body', 'sliding'],
  refreshField: ['body'],
  cookie: ['bearer', 'cookie'],
  accessCookie: ['cookie'],
  csrfCookie: ['cookie'],
  csrfHeader: ['cookie'],
  me: ['cookie'],
  apiPost: ['cookie'],
  grace: ['bearer', 'cookie', 'body'],
}

/** @throws AuthError `invalid_option`, naming the option */
export function readSettings(url: string | URL, options: ContractOptions, nameOf: NameOf): Settings {
  const base = readUrl(url)
  const given = defined(options)
  const unknown = Object.keys(given).find(name => !Object.hasOwn(DEFAULTS, name))
  if (unknown) throw new AuthError('invalid_option', `"${unknown}" is not an option.`)
  const settings: Given = { ...DEFAULTS, ...given }
  checkTypes(settings)
  const { mode, without, cors, grace, apiPost } = settings
  const unfit = Object.keys(given).find(name => !(ONLY_IN[name as keyof Given] ?? MODES).includes(mode))
  if (unfit) throw invalid(unfit, `left out in the mode ${mode}`)
  const origin = settings.origin || base.origin
  if (new URL(origin).origin !== origin) {
    throw invalid('origin', 'an origin such as https://app.example.com, without a path')
  }
  if (cors && origin === base.origin) {
    throw invalid('origin', `another origin than the backend for ${nameOf('cors')}`)
  }
  const urlOf = (name: EndpointName) => resolvePath(base, name, settings[name])
  return {
    ...settings,
    ...{ login: urlOf('login'), refresh: urlOf('refresh'), logout: urlOf('logout') },
    ...{ me: urlOf('me'), api: urlOf('api'), apiPost: apiPost ? urlOf('apiPost') : null },
    origin,
    nameOf,
    leftOut(id) {
      const other = whyNotIn(mode, id)
      if (other) return other
      if (without.some(name => isNamed(id, name))) return `left out by ${nameOf('without')}`
      if (grace === 0 && isNamed(id, 'grace')) return `left out by ${nameOf('grace')} with 0`
      if (!cors && isNamed(id, 'cors')) return `needs the option ${nameOf('cors')}`
      if (!apiPost && id === 'csrf-api') return `needs the option ${nameOf('apiPost')}`
      return undefined
    },
  }
}

function readUrl(url: string | URL): URL {
  const read = URL.canParse(url) ? new URL(url) : null
  if (!read || !/^https?:$/.test(read.protocol)) {
    throw invalid('url', 'an http or https address, such as http://127.0.0.1:4000')
  }
  return read
}

/** As the client resolves an endpoint: with a leading slash from the root of the origin, else from the folder. */
function resolvePath(base: URL, name: string, path: string): URL {
  const folder = new URL(base)
  folder.pathname = folder.pathname.replace(/\/?$/, '/')
  const resolved = new URL(path, folder)
  if (resolved.origin !== base.origin) throw invalid(name, `a path on ${base.origin}`)
  return resolved
}

function checkTypes(settings: Given): void {
  const { mode, csrfHeader, loginFields, headers, origin, grace, patience, without, wait, onWait } = settings
  const names = contractPoints.map(({ id }) => id)
  const stray = Array.isArray(without) && without.find(name => !names.some(id => isNamed(id, name)))
  const isMap = (value: unknown) =>
    isObject(value) && Object.values(value as object).every(text => typeof text === 'string')
  const paths = ENDPOINTS.filter(name => name !== 'apiPost')
  const texts = [...paths, 'user', 'password', 'userField', 'passwordField', 'csrfCookie'] as const
  const rules: [name: string, holds: boolean, requirement: string][] = [
    ['mode', MODES.includes(mode), `one of ${MODES.join(', ')}`],
    ['csrfHeader', isName(csrfHeader), 'the name of a header'],
    ...texts.map(
      name => [name, isText(settings[name]), 'a text that is not empty'] as (typeof rules)[number],
    ),
    ['loginFields', isMap(loginFields), 'an object of texts'],
    ['headers', isMap(headers), 'an object of texts'],
    ['origin', origin === '' || URL.canParse(origin), 'an origin such as https://app.example.com'],
    ['grace', Number.isFinite(grace) && grace >= 0, 'a number of seconds'],
    ['patience', Number.isFinite(patience) && patience >= 0, 'a number of seconds'],
    ['without', Array.isArray(without), 'an array of points'],
    ['wait', typeof wait === 'function', 'a function'],
    ['onWait', typeof onWait === 'function', 'a function'],
  ]
  for (const [name, holds, requirement] of rules) if (!holds) throw invalid(name, requirement)
  if (stray !== undefined && stray !== false) {
    throw new AuthError(
      'invalid_option',
      `"without" has "${stray}", which is no point and no group of points.`,
    )
  }
}
