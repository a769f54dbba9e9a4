import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import {
  checkAccessTtl,
  checkGrace,
  checkMode,
  checkOrigin,
  checkPort,
  checkProvable,
  OptionError,
} from './config.ts'
import { DEMO_CREDENTIALS } from './credentials.ts'
import { CLIENT_ID } from './provider-beside.ts'
import { startServer } from './server.ts'

const HELP = `Starts the demo's auth server, with its page, on 127.0.0.1.

  --port N         port to listen on; another one is taken if it is in use (4000)
  --mode MODE      how the tokens travel: bearer, cookie, body, sliding, or oauth, which starts an
                   authorization server beside it (bearer)
  --dpop           binds all tokens to a key, which each request has to prove (RFC 9449); not with cookie
  --nonces         with --dpop: each proof must contain a nonce of the server
  --access-ttl N   life of an access token in seconds (15)
  --grace N        seconds in which a rotated refresh token may be repeated; 0: never (10)
  --public-origin ORIGIN
                   where browsers open the page, if a proxy replaces "Host": http://localhost:3000; can be
                   repeated, or a list with commas
  --db PATH        database file, or :memory: (demo/server/demo.db)
  --help           this text
`

const DATABASE = fileURLToPath(new URL('demo.db', import.meta.url))

const toNumber = (text: string) => (text.trim() === '' ? Number.NaN : Number(text))

const readFlags = () => {
  try {
    const { values } = parseArgs({
      strict: true,
      options: {
        port: { type: 'string', default: '4000' },
        mode: { type: 'string', default: 'bearer' },
        dpop: { type: 'boolean', default: false },
        nonces: { type: 'boolean', default: false },
        'access-ttl': { type: 'string', default: '15' },
        grace: { type: 'string', default: '10' },
        'public-origin': { type: 'string', multiple: true, default: [] },
        db: { type: 'string', default: DATABASE },
        help: { type: 'boolean', default: false },
      },
    })
    if (values.db === '') throw new OptionError('"--db" must not be empty')
    if (values.nonces && !values.dpop) throw new OptionError('"--nonces" needs "--dpop"')
    return {
      help: values.help,
      port: checkPort(toNumber(values.port), '--port'),
      mode: checkProvable(checkMode(values.mode, '--mode'), values.dpop, '--mode'),
      dpop: values.dpop,
      nonces: values.nonces,
      accessTtl: checkAccessTtl(toNumber(values['access-ttl']), '--access-ttl'),
      grace: checkGrace(toNumber(values.grace), '--grace'),
      publicOrigins: values['public-origin']
        .flatMap(list => list.split(','))
        .map(origin => checkOrigin(origin.trim(), '--public-origin')),
      db: values.db,
    }
  } catch (error) {
    // parseArgs goes on with advice after its first sentence.
    throw new OptionError((error as Error).message.split(/\. |\n/)[0])
  }
}

const run = async () => {
  const { help, ...options } = readFlags()
  if (help) return console.log(HELP)

  const server = await startServer(options)
  const taken = options.port !== 0 && server.port !== options.port
  const where = server.provider ? ` at ${server.provider.issuer} (client id: ${CLIENT_ID})` : ''
  const [first] = DEMO_CREDENTIALS
  const names = DEMO_CREDENTIALS.map(({ email }) => email).join(' or ')
  console.log(
    `The silent-refresh demo runs in the mode ${options.mode}, and its tokens live for ${options.accessTtl} s.`,
  )
  console.log(`${server.url}${taken ? `  (port ${options.port} is taken)` : ''}`)
  console.log(`Log in${where} as ${names}, with the password: ${first?.password}`)

  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => {
      server.close().then(
        () => process.exit(0),
        () => process.exit(1),
      )
    })
  }
}

try {
  await run()
} catch (error) {
  console.error((error as Error).message)
  process.exitCode = error instanceof OptionError ? 2 : 1
}
