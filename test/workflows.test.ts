// @vitest-environment node
import { globSync, readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { describe, expect, test } from 'vitest'
import { root } from './tools/report.ts'

const workflows = globSync('.github/workflows/*.yml', { cwd: root }).sort()
const text = (workflow: string) => readFileSync(resolve(root, workflow), 'utf8')
const release = jobsOf('.github/workflows/release.yml')

/** Each job of a workflow, as it is written, without its comments. */
function jobsOf(workflow: string): Map<string, string> {
  const [, jobs = ''] = text(workflow)
    .replace(/(?<=^|\s)#.*$/gm, '')
    .split(/^jobs:\n/m)
  const parts = jobs.split(/^ {2}([\w-]+):\n/m).slice(1)
  return new Map(parts.flatMap((name, n) => (n % 2 ? [] : [[name, parts[n + 1] ?? '']])))
}

const holding = (jobs: Map<string, string>, what: RegExp) =>
  [...jobs].filter(([, job]) => what.test(job)).map(([name]) => name)

/** What installs packages, or runs what they or this repository bring along. */
const RUNS_CODE = /\bnpm (?!publish\b)|\bnpx\b|(?<![\w/-])node |node_modules|actions\/checkout/

describe.each(workflows)('%s', workflow => {
  test('every action is pinned to a commit, with its version beside it', () => {
    const uses = [...text(workflow).matchAll(/^\s*(?:- )?uses: (.+)$/gm)].map(([, action = '']) => action)
    const foreign = uses.filter(action => !action.startsWith('./'))
    expect(foreign).not.toEqual([])
    for (const action of foreign) expect(action).toMatch(/^[\w.-]+\/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/)
  })

  test('one action is pinned to one commit everywhere', () => {
    const all = workflows.flatMap(file => [...text(file).matchAll(/uses: ([\w./-]+)@(.+)$/gm)])
    for (const [, name, pin] of all) {
      expect(new Set(all.filter(([, other]) => other === name).map(([, , at]) => at))).toEqual(new Set([pin]))
    }
  })

  test('no checkout leaves its credentials behind', () => {
    const steps = text(workflow).split(/^ {6}- /m)
    for (const step of steps.filter(step => step.includes('actions/checkout@'))) {
      expect(step).toMatch(/persist-credentials: false/)
    }
  })

  test('a job has no right that it does not name', () => {
    expect(text(workflow)).toMatch(/^permissions:(?: \{\}|\n {2}contents: read)$/m)
    expect(text(workflow)).not.toMatch(/write-all|contents: write|packages: write/)
  })

  test('a job that gets an identity token runs no code of a package or of this repository', () => {
    const jobs = jobsOf(workflow)
    for (const name of holding(jobs, /id-token: write/)) expect(jobs.get(name)).not.toMatch(RUNS_CODE)
  })
})

describe('the release', () => {
  test('only the job that publishes may get an identity token', () => {
    expect(holding(release, /id-token/)).toEqual(['publish'])
    expect(holding(release, /npm publish/)).toEqual(['publish'])
    expect(holding(release, /environment: npm$/m)).toEqual(['publish'])
  })

  test('the job that publishes takes the tarball of the job that packed it, and nothing else', () => {
    const { publish = '', pack = '' } = Object.fromEntries(release)
    const actions = [...publish.matchAll(/uses: ([\w./-]+)@/g)].map(([, name]) => name)
    expect(actions).toEqual(['actions/setup-node', 'actions/download-artifact'])
    const [, tarball = ''] = /npm publish (\S+)/.exec(publish) ?? []
    expect(tarball).toMatch(/^\.\/[\w-]+\.tgz$/)
    expect(pack).toContain(`path: ${tarball.replace('./', '')}\n`)
    expect(publish).toContain('sha256sum --check')
    expect(publish).toMatch(/npm publish .*--ignore-scripts.*--provenance/)
  })

  test('the job that packs runs no install script, and the Node of the runner', () => {
    const { pack = '' } = Object.fromEntries(release)
    expect(pack).toContain('npm ci --ignore-scripts')
    expect(pack).toContain('npm pack --ignore-scripts')
    // A script of package.json would find the development package `node` first.
    expect(pack).not.toMatch(/npm run|npm test|npx|\.bin\b/)
  })

  test('the package says where its sources, its page and its issues are', () => {
    const { pack = '' } = Object.fromEntries(release)
    const address = '$GITHUB_SERVER_URL/$GITHUB_REPOSITORY'
    expect(pack).toContain(`repository.url=git+${address}.git`)
    expect(pack).toContain(`homepage=${address}#readme`)
    expect(pack).toContain(`bugs.url=${address}/issues`)
    expect(pack.indexOf('npm pkg set')).toBeLessThan(pack.indexOf('npm pack'))
  })

  test('is tested before it is packed, and packed before it is published', () => {
    expect(release.get('pack')).toMatch(/^ {4}needs: test$/m)
    expect(release.get('publish')).toMatch(/^ {4}needs: pack$/m)
  })
})
