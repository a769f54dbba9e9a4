import { installMachine } from './machine.ts'
import { type Candidate, LIFETIME, type Outcome, scenarios } from './scenarios.ts'
import { startAuthServer } from './server.ts'

// One candidate in one scenario, a process of its own: node test/bench/calls/candidate.ts ours expired

const [name, scenario] = process.argv.slice(2)
console.warn = console.error = () => {} // some say on every failure that it failed
process.on('unhandledRejection', () => {}) // some reject a promise that nobody can reach

const server = await startAuthServer(
  {
    now: () => machine.clock.time,
    wait: ms => new Promise(resolve => machine.clock.timer(resolve, ms)),
  },
  LIFETIME,
)
const machine = installMachine(server.origin, () => server.held)

const { create }: { create: (origin: string) => Promise<Candidate> } = await import(`../peers/${name}.js`)
const client = await create(server.origin)
let outcome: Outcome | string
try {
  outcome = await scenarios[scenario!]!({ server, machine, client })
} catch (error) {
  outcome = String(error)
}
process.stdout.write(JSON.stringify(outcome), () => process.exit())
