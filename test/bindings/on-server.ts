import { execFile } from 'node:child_process'
import { resolve } from 'node:path'
import { promisify } from 'node:util'
import { root } from '../tools/report.ts'

const node = resolve(root, 'node_modules/.bin/node')

/** Signed in, as an app that answers a request may be; `listeners` are those of the render. */
const PRELUDE = `
const { createAuthClient } = await import('${root}/src/core.ts')
const fetch = async () => new Response()
const own = createAuthClient({ baseUrl: 'https://api.example.com', server: true, fetch })
await own.setTokens({ accessToken: 'opaque' })
let listeners = 0
const subscribe = listener => {
  const undo = own.subscribe(listener)
  listeners++
  return () => (listeners--, undo())
}
const client = Object.create(own, { subscribe: { value: subscribe } })
const status = session => session.status
`

/**
 * What the script's `html` is in a process of its own, where Node leads to the frameworks' builds for servers, and how
 * many listeners are left when it has rendered.
 */
export async function onServer(script: string): Promise<{ html: string; listeners: number }> {
  const told = 'setTimeout(() => process.stdout.write(JSON.stringify({ html, listeners })), 10)'
  const { stdout } = await promisify(execFile)(
    node,
    ['--input-type=module', '--no-warnings', '-e', `${PRELUDE}${script}\n${told}`],
    { cwd: root, timeout: 30_000 },
  )
  return JSON.parse(stdout)
}
