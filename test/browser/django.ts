import { join } from 'node:path'
import { type Gate, type OtherServer, openGate, run, USER } from './other-servers.ts'

/** django-oauth-toolkit 1.7: refresh tokens are rotated, with a grace; no PAR, no DPoP, no logout at the server. */
export const DJANGO: OtherServer = {
  name: 'django-oauth-toolkit',
  file: '/usr/lib/python3/dist-packages/oauth2_provider/__init__.py',
  debian: 'python3-django-oauth-toolkit',
}

export interface Django {
  readonly gate: Gate
  readonly issuer: string
  close(): Promise<void>
}

/** `app` is the origin of the only client, `spa`. */
export async function startDjango(app: string): Promise<Django> {
  const gate = await openGate()
  const config = { app, grace: 10, user: USER.name, password: USER.password }
  // Debian's own Python, for which the package is.
  const server = await run(
    async folder => [
      '/usr/bin/python3',
      '-B',
      join(import.meta.dirname, 'django-site.py'),
      folder,
      JSON.stringify(config),
    ],
    /^port (\d+)$/m,
  )
  gate.lead(Number(server.said[1]))
  return {
    gate,
    issuer: `${gate.origin}/o`,
    async close() {
      gate.close()
      await server.close()
    },
  }
}
