import { parseArgs } from 'node:util'
import { invalid } from '../../kernel/errors.ts'
import { HELP } from './help.ts'
import { type ContractMode, MODES } from './mode.ts'
import type { ContractOptions } from './options.ts'
import { pointsIn } from './points.ts'

/** What the command line says. */
export interface Flags {
  /** Prints a text instead of running. */
  readonly print: string | undefined
  readonly json: boolean
  readonly url: string
  readonly options: ContractOptions
}

/** Flags with a text, and the options that they set. */
const TEXTS = {
  login: 'login',
  refresh: 'refresh',
  logout: 'logout',
  api: 'api',
  me: 'me',
  'api-post': 'apiPost',
  origin: 'origin',
  user: 'user',
  password: 'password',
  'user-field': 'userField',
  'password-field': 'passwordField',
  'token-field': 'tokenField',
  'refresh-field': 'refreshField',
  'expires-field': 'expiresField',
  cookie: 'cookie',
  'access-cookie': 'accessCookie',
  'csrf-cookie': 'csrfCookie',
  'csrf-header': 'csrfHeader',
} as const

const OTHERS: Readonly<Record<string, string>> = { loginFields: 'field', headers: 'header' }

/** The flag that sets an option: `--without-x` for `withoutX`. */
export const flagOf = (option: string): string =>
  `--${OTHERS[option] ?? option.replace(/[A-Z]/g, letter => `-${letter.toLowerCase()}`)}`

type Name = keyof typeof TEXTS

const text = { type: 'string' } as const
const many = { type: 'string', multiple: true } as const
const flag = { type: 'boolean', default: false } as const

const OPTIONS = {
  ...(Object.fromEntries(Object.keys(TEXTS).map(name => [name, text])) as Record<Name, typeof text>),
  ...{ mode: text, grace: text, patience: text, header: many, field: many, without: many },
  ...{ cors: flag, form: flag, list: flag, json: flag, help: flag },
}

/** What the parser takes: each flag, and `string` if a value comes after it. */
export const FLAGS: ReadonlyMap<string, 'string' | 'boolean'> = new Map(
  Object.entries(OPTIONS).map(([name, { type }]) => [name, type]),
)

/** @throws Error whose message is for the reader */
export function readFlags(args: readonly string[]): Flags {
  const { values, positionals } = parseArgs({
    args: [...args],
    strict: true,
    allowPositionals: true,
    options: OPTIONS,
  })
  const [url = '', ...stray] = positionals
  const mode = modeOf(values.mode)
  const print = values.help ? HELP : values.list ? listOf(mode) : undefined
  if (print === undefined && stray.length > 0) throw new Error(`One address, and not also ${stray[0]}`)
  if (print === undefined && !url) {
    throw new Error(
      'Which backend? Give its address, such as http://127.0.0.1:4000 (--help shows all options)',
    )
  }
  const texts = Object.entries(TEXTS).map(([name, option]) => [option, values[name as Name]])
  return {
    print,
    json: values.json,
    url,
    options: {
      ...Object.fromEntries(texts),
      mode,
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

function modeOf(value = 'bearer'): ContractMode {
  const mode = MODES.find(known => known === value)
  if (mode) return mode
  throw invalid('mode', `one of ${MODES.join(', ')}`)
}

const listOf = (mode: ContractMode): string =>
  pointsIn(mode)
    .filter(({ modes }) => modes.includes(mode))
    .map(({ id, title }) => `${id.padEnd(24)} ${title}\n`)
    .join('')

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
