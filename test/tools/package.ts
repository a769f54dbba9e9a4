import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync, renameSync, symlinkSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { root } from './report.ts'
import { output } from './steps.ts'

interface Manifest {
  exports: Record<string, string | Record<string, string>>
  bin: Record<string, string>
  dependencies: Record<string, string>
  peerDependencies: Record<string, string>
  'size-limit': { name: string; path: string; limit: string }[]
  /** By what is added; each limit as in `size-limit`. */
  'size-limit-additions': Record<string, string>
}

export const manifest: Manifest = JSON.parse(readFileSync(resolve(root, 'package.json'), 'utf8'))

/** As an app imports them: `silent-refresh`, `silent-refresh/core`, … */
export const entries: string[] = Object.keys(manifest.exports)
  .filter(path => !path.endsWith('.json'))
  .map(path => path.replace('.', 'silent-refresh'))

export interface Packed {
  tarball: string
  files: string[]
  /** Bytes. */
  size: number
}

/** What would be published, from `dist/` as it is now. */
export function pack(folder: string): Packed {
  const args = ['pack', '--json', '--ignore-scripts', '--pack-destination', folder]
  const [{ filename, files, size }] = JSON.parse(output('npm', args))
  const tarball = resolve(folder, 'silent-refresh.tgz')
  renameSync(resolve(folder, filename), tarball)
  return { tarball, files: files.map(({ path }: { path: string }) => path), size }
}

/** An app's `node_modules`: the packed package, and beside it only what it asks for. */
export function installPacked(app: string): Packed {
  const modules = resolve(app, 'node_modules')
  const own = resolve(modules, 'silent-refresh')
  mkdirSync(own, { recursive: true })
  const packed = pack(app)
  execFileSync('tar', ['-xzf', packed.tarball, '-C', own, '--strip-components=1'])
  const { dependencies, peerDependencies } = manifest
  for (const name of [...Object.keys({ ...dependencies, ...peerDependencies }), '@types/react']) {
    mkdirSync(dirname(resolve(modules, name)), { recursive: true })
    symlinkSync(resolve(root, 'node_modules', name), resolve(modules, name))
  }
  return packed
}

/** Each throws what it has to say. */
export const lints: Record<string, (tarball: string) => string> = {
  publint: tarball => output('publint', ['run', tarball, '--strict']),
  'are the types wrong': tarball =>
    output('attw', [tarball, '--profile', 'esm-only', '--no-emoji', '--no-color']),
}
