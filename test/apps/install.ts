import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { root } from '../tools/report.ts'

export interface App {
  readonly folder: string
  /** Runs a file of its packages, or of its own, with Node. */
  run(file: string, ...args: string[]): void
  remove(): void
}

/** A copy of the app of that name beside this file, with the package as it would be published, and these files added. */
export function installApp(name: string, files: Record<string, string>): App {
  const folder = mkdtempSync(join(tmpdir(), `silent-refresh-${name}-`))
  cpSync(resolve(import.meta.dirname, name), folder, { recursive: true })
  for (const [file, code] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, file)), { recursive: true })
    writeFileSync(join(folder, file), code)
  }

  const run = (command: string, ...args: string[]) => {
    // Builds look at it, and a test runner has set it to its own word.
    const env = { ...process.env, NODE_ENV: 'production' }
    const { status, stdout, stderr, error } = spawnSync(command, args, { cwd: folder, env, encoding: 'utf8' })
    if (status !== 0) throw new Error(error ? String(error) : `${stdout}${stderr}`)
    return stdout
  }
  const [packed] = JSON.parse(
    run('npm', 'pack', root, '--json', '--ignore-scripts', '--pack-destination', folder),
  )
  const own = join(folder, 'node_modules/silent-refresh')
  mkdirSync(own, { recursive: true })
  run('tar', '-xzf', packed.filename, '-C', own, '--strip-components=1')
  const { dependencies } = JSON.parse(readFileSync(join(own, 'package.json'), 'utf8'))
  const { devDependencies } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
  for (const each of Object.keys({ ...dependencies, ...devDependencies })) {
    const place = join(folder, 'node_modules', each)
    mkdirSync(dirname(place), { recursive: true })
    symlinkSync(join(root, 'node_modules', each), place)
  }
  return {
    folder,
    run: (file, ...args) => void run(process.execPath, file, ...args),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  }
}
