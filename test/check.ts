import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { lints, manifest, pack } from './tools/package.ts'
import { readPages } from './tools/places.ts'
import { judgeProse } from './tools/prose.ts'
import { cache, root, writeBeside } from './tools/report.ts'
import { judgeShape } from './tools/shape.ts'
import { judgeSizes, measureSizes } from './tools/sizes.ts'
import { output, tsc } from './tools/steps.ts'

// `npm run check`, after `npm test`: everything about the package that is not a test. One line per check;
// what a failing one has to say comes below its line.

let tarball = ''

const checks: Record<string, () => string | undefined> = {
  types: () => output('node', [tsc, '-p', '.']),
  lint: () => output('biome', ['ci', '--colors=off', '.']),
  build: () => output('tsup', ['--silent']),
  contents: packageContents,
  ...Object.fromEntries(Object.entries(lints).map(([name, lint]) => [name, () => lint(tarball)])),
  reference,
  'dead code': () => output('knip', ['--no-progress']),
  mutants: () => output('node', ['test/mutants.ts', '--check']),
  shape: judgeShape,
  prose: () => judgeProse(),
  sizes,
  scenarios: () => output('node', ['test/scenarios.ts', '--from-report']).split('\n').at(-2),
  'no registry named': noRegistryNamed,
}

const failures: string[] = []
let passed = 0
for (const [name, check] of Object.entries(checks)) {
  try {
    const told = check()
    passed++
    const detail = ['contents', 'shape', 'prose', 'sizes', 'scenarios'].includes(name) ? ` (${told})` : ''
    console.log(`ok      ${name}${detail}`)
  } catch (error) {
    const told = `FAILED  ${name}\n${String(error).replace(/^/gm, '        ')}`
    failures.push(told)
    console.log(told)
  }
  writeBeside(resolve(cache, 'check.json'), 'count', `${passed} ${failures.length}\n`)
  writeBeside(resolve(cache, 'check.json'), 'failed', failures.map(told => `${told}\n`).join(''))
}
console.log(`\n${passed} checks passed, ${failures.length} failed`)
process.exitCode = failures.length === 0 ? 0 : 1

function packageContents(): string {
  const { files, size, ...packed } = pack(cache)
  tarball = packed.tarball
  const entries = Object.values(manifest.exports)
    .flatMap(entry => (typeof entry === 'string' ? [entry] : Object.values(entry)))
    .map(path => path.replace('./', ''))
  const missing = [...entries, ...Object.values(manifest.bin), 'README.md', 'LICENSE'].filter(
    path => !files.includes(path),
  )
  const foreign = files.filter(
    path =>
      !/^(dist\/[\w./-]+\.(js|js\.map|d\.ts)|docs\/[\w/-]+\.md|(README|CHANGELOG|SECURITY)\.md|LICENSE|package\.json)$/.test(
        path,
      ),
  )
  if (missing.length + foreign.length > 0) {
    throw new Error(`missing: ${missing.join(', ') || 'none'}; not expected: ${foreign.join(', ') || 'none'}`)
  }
  return `${files.length} files, ${size} B packed`
}

/** Every entry is in it, and every public name has something to say for itself. */
function reference(): string {
  const { entryPoints } = JSON.parse(readFileSync(resolve(root, 'typedoc.json'), 'utf8'))
  const left = Object.values(manifest.exports)
    .flatMap(entry => (typeof entry === 'string' ? [] : (entry.types ?? [])))
    .map(path => path.replace('./dist', 'src').replace('.d.ts', '.ts'))
    .filter(path => !entryPoints.includes(path))
  if (left.length > 0) throw new Error(`typedoc.json leaves out ${left.join(', ')}`)
  return output('typedoc', ['--emit', 'none'])
}

function sizes(): string {
  const measured = measureSizes()
  judgeSizes(measured, readPages())
  return measured
    .map(
      ({ composition: { name, addition }, size, sizeLimit, added }) =>
        `${name} ${size} of ${sizeLimit} B${added ? ` (${addition} adds ${added.size} of ${added.sizeLimit} B)` : ''}`,
    )
    .join(', ')
}

function noRegistryNamed(): string {
  const host = /\bregistry\.[a-z0-9-]+\.[a-z]+|\b(?:npm\.pkg|artifactory|verdaccio|nexus)\.[a-z0-9-]+\./i
  const lock = /"resolved": "(?!file:)|https?:\/\/[^"\s]+\.tgz\b/
  const files = output('git', ['ls-files', '--cached', '--others', '--exclude-standard', '-z'])
  const found = files.split('\0').filter(file => {
    if (!file) return false
    const text = readFileSync(resolve(root, file), 'utf8')
    return host.test(text) || (/(^|\/)package-lock\.json$/.test(file) && lock.test(text))
  })
  if (found.length > 0) throw new Error(`a registry's address stands in ${found.join(', ')}`)
  return ''
}
