import { readFileSync, renameSync } from 'node:fs'
import { resolve } from 'node:path'
import { cache, root, writeCount } from './tools/report.ts'
import { output, tsc } from './tools/steps.ts'

// `npm run check`, after `npm test`: everything about the package that is not a test. One line per check;
// what a failing one has to say comes below its line.

const tarball = resolve(cache, 'silent-refresh.tgz')

const checks: Record<string, () => string | undefined> = {
  types: () => output('node', [tsc, '-p', '.']),
  lint: () => output('biome', ['ci', '--colors=off', '.']),
  build: () => output('tsup', ['--silent']),
  contents: packageContents,
  publint: () => output('publint', ['run', tarball, '--strict']),
  'are the types wrong': () => output('attw', [tarball, '--profile', 'esm-only', '--no-emoji', '--no-color']),
  'dead code': () => output('knip', ['--no-progress']),
  sizes: () => `${output('node', ['test/tools/bundle.ts'])}${sizes()}`,
  scenarios: () => output('node', ['test/scenarios.ts', '--from-report']).split('\n').at(-2),
  'no registry named': noRegistryNamed,
}

let passed = 0
let failed = 0
for (const [name, check] of Object.entries(checks)) {
  try {
    const told = check()
    passed++
    const detail = name === 'sizes' || name === 'scenarios' || name === 'contents' ? ` (${told})` : ''
    console.log(`ok      ${name}${detail}`)
  } catch (error) {
    failed++
    console.log(`FAILED  ${name}\n${String(error).replace(/^/gm, '        ')}`)
  }
}
writeCount('check', passed, failed)
console.log(`\n${passed} checks passed, ${failed} failed`)
process.exitCode = failed === 0 ? 0 : 1

function packageContents(): string {
  const [packed] = JSON.parse(
    output('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', cache]),
  )
  const files: string[] = packed.files.map((file: { path: string }) => file.path)
  renameSync(resolve(cache, packed.filename), tarball)

  const { exports } = JSON.parse(readFileSync(resolve(root, 'package.json'), 'utf8'))
  const entries = Object.values<string | Record<string, string>>(exports)
    .flatMap(entry => (typeof entry === 'string' ? [entry] : Object.values(entry)))
    .map(path => path.replace('./', ''))
  const missing = [...entries, 'README.md', 'LICENSE'].filter(path => !files.includes(path))
  const foreign = files.filter(
    path =>
      !/^(dist\/[\w./-]+\.(js|js\.map|d\.ts)|README\.md|LICENSE|CHANGELOG\.md|package\.json)$/.test(path),
  )
  if (missing.length + foreign.length > 0) {
    throw new Error(`missing: ${missing.join(', ') || 'none'}; not expected: ${foreign.join(', ') || 'none'}`)
  }
  return `${files.length} files, ${packed.size} B packed`
}

function sizes(): string {
  const measured: { name: string; size: number; sizeLimit: number; passed: boolean }[] = JSON.parse(
    output('size-limit', ['--json']),
  )
  const readme = readFileSync(resolve(root, 'README.md'), 'utf8')
  for (const { name, size } of measured.filter(({ size }) => size > 1_000)) {
    const row = `| \`${name}\` | ${(size / 1_000).toFixed(1)} kB |`
    if (!readme.includes(row)) throw new Error(`README.md does not say: ${row}`)
  }
  return measured.map(({ name, size, sizeLimit }) => `${name} ${size} of ${sizeLimit} B`).join(', ')
}

function noRegistryNamed(): string {
  const host = /\bregistry\.[a-z0-9-]+\.[a-z]+|\b(?:npm\.pkg|artifactory|verdaccio|nexus)\.[a-z0-9-]+\./i
  const lock = /"resolved":|https?:\/\/[^"\s]+\.tgz\b/
  const files = output('git', ['ls-files', '--cached', '--others', '--exclude-standard', '-z'])
  const found = files.split('\0').filter(file => {
    if (!file) return false
    const text = readFileSync(resolve(root, file), 'utf8')
    return host.test(text) || (file === 'package-lock.json' && lock.test(text))
  })
  if (found.length > 0) throw new Error(`a registry's address stands in ${found.join(', ')}`)
  return ''
}
