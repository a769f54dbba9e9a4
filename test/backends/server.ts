import { type ChildProcess, execFile, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { freePort } from '../support/free-port.ts'
import { root } from '../tools/report.ts'

const run = promisify(execFile)
const node = resolve(root, 'node_modules/.bin/node')
/** Debian's own: another Python of this machine does not have its packages. */
export const python: string = process.env.PYTHON_PATH ?? '/usr/bin/python3'

/** A server to copy, in demo/backends/. */
export interface Backend {
  readonly name: string
  /** The modules of Python that it imports. */
  readonly imports?: readonly string[]
  /** Commands to run before the server. */
  readonly prepare?: readonly (readonly string[])[]
  readonly command: (port: number) => readonly string[]
}

const folder = (path: string) => resolve(root, 'demo/backends', path)
const manage = folder('django/manage.py')

export const backends: readonly Backend[] = [
  ...['express', 'fastify', 'hono'].map(name => ({
    name,
    command: () => [node, '--disable-warning=ExperimentalWarning', folder(`node/${name}.ts`)],
  })),
  {
    name: 'fastapi',
    imports: ['fastapi', 'uvicorn', 'jwt'],
    command: () => [python, folder('fastapi/server.py')],
  },
  {
    name: 'django',
    imports: ['django', 'rest_framework', 'rest_framework_simplejwt'],
    prepare: [
      [python, manage, 'migrate', '--verbosity', '0'],
      [
        ...[python, manage, 'createsuperuser', '--noinput'],
        ...['--username', 'ada@example.com', '--email', 'ada@example.com'],
      ],
    ],
    command: port => [python, manage, 'runserver', '--noreload', `127.0.0.1:${port}`],
  },
]

/** Is everything there that it needs? */
export const isInstalled = ({ imports }: Backend): boolean =>
  !imports || spawnSync(python, ['-c', `import ${imports.join(', ')}`]).status === 0

export interface Running {
  readonly url: string
  /** The folder of its database. */
  readonly data: string
  close(): Promise<void>
}

/** Starts the server on a free port, with a database of its own or with that of another process. */
export async function startBackend(
  backend: Backend,
  settings: Record<string, string>,
  beside?: Running,
): Promise<Running> {
  const data = beside?.data ?? (await mkdtemp(join(tmpdir(), `silent-refresh-${backend.name}-`)))
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  const env = {
    ...process.env,
    PORT: `${port}`,
    ORIGINS: url,
    DATABASE: join(data, 'server.db'),
    SECRET: 'a secret that is long enough for every library',
    DJANGO_SUPERUSER_PASSWORD: 'correct horse battery staple',
    PYTHONDONTWRITEBYTECODE: '1',
    ...settings,
  }
  const commands = beside ? [] : (backend.prepare ?? [])
  for (const [file = '', ...args] of commands) await run(file, args, { env })
  const [file = '', ...args] = backend.command(port)
  const child = spawn(file, args, { env, stdio: ['ignore', 'pipe', 'pipe'] })
  let said = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (part: Buffer) => {
      said += part
    })
  }
  const close = async () => {
    if (child.exitCode === null && child.kill()) await once(child, 'exit')
    if (!beside) await rm(data, { recursive: true, force: true })
  }
  try {
    await listening(child, port)
  } catch (error) {
    await close()
    throw new Error(`${backend.name} does not start: ${error}\n${said}`)
  }
  return { url, data, close }
}

/** Until somebody answers on the port, or the process ends. */
async function listening(child: ChildProcess, port: number): Promise<void> {
  const ended = once(child, 'exit').then(([code]) => {
    throw new Error(`it has ended with ${code}`)
  })
  // The test's own timeout ends this, if nothing else does.
  while (!(await Promise.race([ended, isOpen(port)]))) await new Promise(resolve => setTimeout(resolve, 50))
}

const isOpen = (port: number): Promise<boolean> =>
  new Promise(resolve => {
    const socket = connect(port, '127.0.0.1')
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
