import { parseArgs } from 'node:util'
import type { ContractOptions } from './options.ts'
import { contractPoints } from './points.ts'

const HELP = `Tries a running backend as a browser would, and reports what silent-refresh needs and the backend lacks.

  npx silent-refresh-contract http://127.0.0.1:4000 [options]
  npx -p silent-refresh silent-refresh-contract …   where silent-refresh is not installed

where it is
  --login PATH           the login (/auth/login)
  --refresh PATH         the refresh (/auth/refresh_token)
  --logout PATH          the logout (/auth/logout)
  --api PATH             a GET route that needs an access token (/user/whoami)
  --origin ORIGIN        the origin of your page, if it is not that of the backend
  --cors                 checks CORS for --origin too
  --header 'NAME: VALUE' a header of every request; can be repeated

who signs in
  --user TEXT            (ada@example.com)
  --password TEXT        (correct horse battery staple)
  --user-field NAME      the field of the login that has the user (email)
  --password-field NAME  the field that has the password (password)
  --field 'NAME=VALUE'   one more field; can be repeated
  --form                 the login is a form instead of JSON

what comes back
  --cookie NAME          the refresh cookie, if it cannot be guessed
  --token-field PATH     the access token, such as data.token; your client then needs readTokens
  --expires-field PATH   its lifetime in seconds

checks
  --grace SECONDS        the grace of your server, which is waited for; 0: it has none (10)
  --patience SECONDS     how long to wait at most until an access token expires (20)
  --without POINT        a point that does not apply, or a group such as grace; can be repeated
  --list                 prints all points
  --json                 prints the report as JSON

It exits with 0 if all points hold, with 1 if one fails, and with 2 if it could not run.
`

/** What the command line says. */
export interface Flags {
  /** Prints a text instead of running. */
  readonly print: string | undefined
  readonly json: boolean
  readonly url: string
  readonly options: ContractOptions
}

/** The flags, in the words of the options. */
const TEXTS = {
  login: 'login',
  refresh: 'refresh',
  logout: 'logout',
  api: 'api',
  origin: 'origin',
  user: 'user',
  password: 'password',
  'user-field': 'userField',
  'password-field': 'passwordField',
  cookie: 'cookie',
  'token-field': 'tokenField',
  'expires-field': 'expiresField',
} as const

/** @throws Error whose message is for the reader */
export function readFlags(args: readonly string[]): Flags {
  const text = { type: 'string' } as const
  const many = { type: 'string', multiple: true } as const
  const flag = { type: 'boolean', default: false } as const
  const { values, positionals } = parseArgs({
    args: [...args],
    strict: true,
    allowPositionals: true,
    options: {
      ...(Object.fromEntries(Object.keys(TEXTS).map(name => [name, text])) as Record<
        keyof typeof TEXTS,
        typeof text
      >),
      ...{ grace: text, patience: text, header: many, field: many, without: many },
      ...{ cors: flag, form: flag, list: flag, json: flag, help: flag },
    },
  })
  const [url = '', ...stray] = positionals
  const list = contractPoints.map(({ id, title }) => `${id.padEnd(24)} ${title}\n`).join('')
  const print = values.help ? HELP : values.list ? list : undefined
  if (print === undefined && stray.length > 0) throw new Error(`One address, and not also ${stray[0]}`)
  if (print === undefined && !url) {
    throw new Error(
      'Which backend? Give its address, such as http://127.0.0.1:4000 (--help shows all options)',
    )
  }
  const texts = Object.entries(TEXTS).map(([name, option]) => [option, values[name as keyof typeof TEXTS]])
  return {
    print,
    json: values.json,
    url,
    options: {
      ...Object.fromEntries(texts),
      cors: values.cors,
      form: values.form,
      grace: seconds('grace', values.grace),
      patience: seconds('patience', values.patience),
      headers: pairs('header', ':', values.header),
      loginFields: pairs('field', '=', values.field),
      without: values.without?.flatMap(names => names.split(',')),
    },
  }
}

function seconds(name: string, value: string | undefined): number | undefined {
  if (value === undefined) return undefined
  const number = value.trim() === '' ? Number.NaN : Number(value)
  if (number >= 0) return number
  throw new Error(`"--${name}" must be a number of seconds`)
}

function pairs(name: string, between: string, given: string[] = []): Record<string, string> {
  return Object.fromEntries(
    given.map(pair => {
      const at = pair.indexOf(between)
      if (at < 1) throw new Error(`"--${name}" must be NAME${between}VALUE, and not ${pair}`)
      return [pair.slice(0, at).trim(), pair.slice(at + 1).trim()]
    }),
  )
}
