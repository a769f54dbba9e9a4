// `expires_in` says more than the token's own `exp`: in milliseconds, or of the session. T9: no dead token is handed out.
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
const from = file => import(pathToFileURL(resolve(process.argv[2], 'dist', file)))
const { createTestBrowser, createTestClock, makeToken } = await from('testing/core.js')

const API = 'http://localhost:3000'
const problems = []
const expOf = token => JSON.parse(Buffer.from(token.split('.')[1], 'base64url')).exp * 1000

async function attempt(name, expiresIn, expiresAt) {
  const clock = createTestClock()
  let refreshes = 0
  const token = () => makeToken({ sub: 'ada', iat: Math.floor(clock.now() / 1000), exp: Math.floor(clock.now() / 1000) + 60, jti: `${refreshes}` })
  const browser = createTestBrowser({
    clock,
    fetch: async url => {
      if (String(url).endsWith('refresh_token')) refreshes++
      return Response.json({ access_token: token(), expires_in: expiresIn, expires_at: expiresAt?.(clock) })
    },
  })
  const auth = browser.openTab({ baseUrl: API, refreshAhead: 5_000, tabs: false })
  await auth.login({})
  await clock.advance(61_000)
  const handed = await auth.getAccessToken({ minValidity: 10_000 })
  const left = Math.round((expOf(handed) - clock.now()) / 1000)
  if (left < 10) problems.push(`${name}: a token good for 10 s was asked for, and one that ended ${-left} s ago handed out; ${refreshes} refreshes`)
  browser.dispose()
}
await attempt('seconds, as it should be', 60)
await attempt('milliseconds', 60_000)
await attempt('that of the session', 7 * 24 * 3600)
console.log(problems.length ? problems.join('\n') : 'ok')
process.exit(problems.length ? 1 : 0)
