import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import type { App } from './list.ts'

/** No framework may send anything about the machine that it runs on. */
const QUIET = {
  ASTRO_TELEMETRY_DISABLED: '1',
  DO_NOT_TRACK: '1',
  NEXT_TELEMETRY_DISABLED: '1',
  NG_CLI_ANALYTICS: 'false',
  NUXT_TELEMETRY_DISABLED: '1',
}

const running = new Set<ChildProcess>()
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => process.exit(1))
}
process.once('exit', () => {
  for (const { pid } of running) killGroup(pid, 'SIGKILL')
})

/** Runs npm in the folder of the app to its end; throws what it printed if it fails. */
export async function npm({ folder }: App, ...args: string[]): Promise<void> {
  const { child, printed } = start(folder, args)
  const [code] = await once(child, 'close')
  if (code !== 0) throw new Error(`npm ${args.join(' ')} ended with ${code}\n${printed()}`)
}

export interface Server {
  readonly url: string
  stop(): Promise<void>
}

/** `npm run dev` or `npm run start` of an app, when it answers. */
export async function serve(
  { folder }: App,
  script: 'dev' | 'start',
  port: number,
  backend: string,
): Promise<Server> {
  const env = { BACKEND_URL: backend, HOST: '127.0.0.1', PORT: String(port) }
  const { child, printed } = start(folder, ['run', script], env)
  const url = `http://127.0.0.1:${port}`
  const server: Server = {
    url,
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return
      const closed = once(child, 'close')
      killGroup(child.pid, 'SIGTERM')
      const impatient = setTimeout(() => killGroup(child.pid, 'SIGKILL'), 5000)
      await closed
      clearTimeout(impatient)
    },
  }
  const deadline = Date.now() + 120_000
  while (!(await answers(url))) {
    const isOver = child.exitCode !== null || Date.now() > deadline
    if (isOver) {
      await server.stop()
      throw new Error(`npm run ${script} does not answer at ${url}\n${printed()}`)
    }
    await new Promise(resolve => setTimeout(resolve, 200))
  }
  return server
}

function start(folder: string, args: string[], env: NodeJS.ProcessEnv = {}) {
  // A group of its own: npm does not hand signals on to all that a script starts.
  const child = spawn('npm', args, {
    cwd: folder,
    detached: true,
    env: { ...process.env, ...QUIET, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  running.add(child)
  child.once('close', () => running.delete(child))
  let text = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (part: string) => {
      text = (text + part).slice(-20_000)
    })
  }
  return { child, printed: () => text }
}

function killGroup(pid: number | undefined, signal: NodeJS.Signals): void {
  if (pid === undefined) return
  try {
    process.kill(-pid, signal)
  } catch {
    // it has ended meanwhile
  }
}

async function answers(url: string): Promise<boolean> {
  try {
    return (await fetch(url, { signal: AbortSignal.timeout(20_000) })).status < 500
  } catch {
    return false
  }
}
