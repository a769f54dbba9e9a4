import { globSync, readFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { root } from '../tools/report.ts'

/** What `app.json` in the folder of an app says. */
interface Description {
  /** The module that creates the client. The runner edits it while the development server runs. */
  readonly auth: string
  /** Does the page stay when that module is edited, with the new module in it? Else the development server reloads it. */
  readonly hot: boolean
  /** The mode of the demo server. */
  readonly mode: 'bearer' | 'cookie'
}

export interface App extends Description {
  readonly name: string
  readonly folder: string
}

/** The apps in demo/apps: all of them, or those that are named. */
export function findApps(names: readonly string[] = []): App[] {
  const apps = globSync('demo/apps/*/app.json', { cwd: root })
    .sort()
    .map(file => {
      const folder = resolve(root, dirname(file))
      const description: Description = JSON.parse(readFileSync(resolve(root, file), 'utf8'))
      return { ...description, folder, name: file.split(/[\\/]/).at(-2)! }
    })
  for (const name of names) {
    if (!apps.some(app => app.name === name)) throw new Error(`there is no demo/apps/${name}/app.json`)
  }
  return names.length > 0 ? apps.filter(({ name }) => names.includes(name)) : apps
}
