import { spawnSync } from 'node:child_process'
import { resolve } from 'node:path'
import { root } from './report.ts'

/** By its path: three versions of TypeScript are installed, and each of them would be node_modules/.bin/tsc. */
export const tsc: string = resolve(root, 'node_modules/typescript/bin/tsc')

/** Runs a tool of node_modules/.bin with its output shown; true where it succeeded. */
export function run(command: string, args: string[] = [], env: NodeJS.ProcessEnv = {}): boolean {
  return (
    spawnSync(command, args, { cwd: root, stdio: 'inherit', env: { ...process.env, ...env } }).status === 0
  )
}

/** The same with the output held back; throws it where the tool fails. */
export function output(command: string, args: string[] = []): string {
  const { status, stdout, stderr, error } = spawnSync(command, args, { cwd: root, encoding: 'utf8' })
  if (status !== 0) throw new Error(error ? String(error) : `${stdout}${stderr}`.trim())
  return stdout
}
