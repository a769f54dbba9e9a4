#!/usr/bin/env node
import { tryBackend } from './check.ts'
import { flagOf, readFlags } from './flags.ts'
import { formatReport } from './report.ts'

/** The option at its beginning by its name on the command line. */
const asFlag = (message: string): string =>
  message.replace(/^"(\w+)"/, (_, name: string) => (name === 'url' ? 'The address' : `"${flagOf(name)}"`))

async function run(): Promise<void> {
  const { print, json, url, options } = readFlags(process.argv.slice(2))
  if (print !== undefined) return void process.stdout.write(print)
  const onWait = (ms: number) => {
    const s = Math.ceil(ms / 1000)
    if (s > 2) process.stderr.write(`waits ${s} s, for the grace to pass and for an access token to expire\n`)
  }
  const report = await tryBackend(url, { ...options, onWait }, flagOf)
  process.stdout.write(json ? `${JSON.stringify(report, null, 2)}\n` : formatReport(report))
  process.exitCode = report.holds ? 0 : 1
}

run().catch(error => {
  // parseArgs goes on with advice after its first sentence.
  const [message = ''] = String(error instanceof Error ? error.message : error).split(/\. To specify|\n/)
  process.stderr.write(`${asFlag(message)}\n`)
  process.exitCode = 2
})
