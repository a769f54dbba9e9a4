import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type IncomingMessage, request as send } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { describe } from 'vitest'
import { createOutage, type Outage } from '../../demo/server/provider/outage.ts'

// Authorization servers that others wrote, from Debian's packages.

/** The one user. */
export const USER = { name: 'ada', password: 'correct horse battery staple' }

export interface OtherServer {
  readonly name: string
  /** What it consists of, and the package that brings it. */
  readonly file: string
  readonly debian: string
}

/** A suite for one server: skipped where it is not installed, and a line says so. */
export function describeServer({ name, file, debian }: OtherServer, suite: () => void): void {
  if (existsSync(file)) {
    describe(name, suite)
    return
  }
  const missing = `${name} (not found at ${file}: apt-get install ${debian})`
  // Of a file that is skipped as a whole the report names no suite.
  console.log(`skipped: ${missing}`)
  describe.skip(missing, suite)
}

export interface Call {
  readonly method: string
  readonly path: string
  readonly query: URLSearchParams
  readonly form: URLSearchParams
  readonly headers: IncomingMessage['headers']
  /** Of the server's answer. 0: there is none. */
  status: number
}

/** Stands before a server, at the address that the world knows: it counts, and it can be away. */
export interface Gate {
  readonly origin: string
  readonly outage: Outage
  /** In the order of their arrival, without the preflights. */
  readonly calls: Call[]
  /** The calls of this path. */
  of(path: string): Call[]
  /** The next answer at this path is lost on its way, after the server has done its work. */
  lose(path: string): void
  /** Headers that it lets pages read, where the server does not; `''`: none. */
  exposes: string
  /** Where the server listens. */
  lead(port: number): void
  reset(): void
  close(): void
}

export async function openGate(): Promise<Gate> {
  let port = 0
  const outage = createOutage()
  const calls: Call[] = []
  let lost: string | null = null

  const server = createServer(async (incoming, outgoing) => {
    const { method = 'GET', url = '/', headers } = incoming
    const body = await buffer(incoming)
    const { pathname, searchParams } = new URL(url, gate.origin)
    const call: Call = {
      method,
      path: pathname,
      query: searchParams,
      form: new URLSearchParams(body.toString()),
      headers,
      status: 0,
    }
    if (method !== 'OPTIONS') calls.push(call)
    if (!(await outage.pass(incoming, outgoing, 'page'))) return
    // `Host` is passed on as it is: the server makes its own addresses of it.
    const passed = send({ host: '127.0.0.1', port, method, path: url, headers }, answer => {
      call.status = answer.statusCode!
      if (pathname === lost && method !== 'OPTIONS') {
        lost = null
        answer.resume()
        outgoing.writeHead(502, { 'Access-Control-Allow-Origin': '*' }).end()
        return
      }
      outgoing.writeHead(answer.statusCode!, {
        ...answer.headers,
        ...(gate.exposes && { 'access-control-expose-headers': gate.exposes }),
      })
      answer.pipe(outgoing)
    })
    passed.on('error', () => outgoing.destroy())
    passed.end(body)
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))

  const gate: Gate = {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    outage,
    calls,
    exposes: '',
    of: path => calls.filter(call => call.path === path),
    lose(path) {
      lost = path
    },
    lead(to) {
      port = to
    },
    reset() {
      lost = null
      gate.exposes = ''
      calls.length = 0
      outage.set({})
    },
    close() {
      server.close()
      server.closeAllConnections()
    },
  }
  return gate
}

export interface Running {
  /** Its own: removed at the end. */
  readonly folder: string
  close(): Promise<void>
}

/** Starts a server in a folder of its own, and waits for the line that says that it listens. */
export async function run(
  prepare: (folder: string) => Promise<[command: string, ...args: string[]]>,
  listens: RegExp,
): Promise<Running & { readonly said: RegExpExecArray }> {
  const folder = await mkdtemp(join(tmpdir(), 'silent-refresh-server-'))
  const [command, ...args] = await prepare(folder)
  const child = spawn(command, args, { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] })
  const said = await new Promise<RegExpExecArray>((resolve, reject) => {
    let output = ''
    const hear = (text: Buffer) => {
      output += text
      const found = listens.exec(output)
      if (found) resolve(found)
    }
    child.stdout.on('data', hear)
    child.stderr.on('data', hear)
    child.on('error', reject)
    child.on('exit', code => reject(new Error(`${command} has ended with ${code}:\n${output}`)))
  })
  return {
    folder,
    said,
    async close() {
      await end(child)
      await rm(folder, { recursive: true, force: true })
    },
  }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = new Promise(resolve => child.once('exit', resolve))
  child.kill()
  await ended
}
