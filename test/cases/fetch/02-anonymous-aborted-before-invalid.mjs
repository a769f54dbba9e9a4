// fetch's own order: what is wrong with the request (TypeError) comes before the signal, and a Request is used up also where
// its signal has aborted already. Signed out, the client looks at the signal first.
import { createServer } from 'node:http'
import { pathToFileURL } from 'node:url'
import path from 'node:path'
const { createAuthClient } = await import(pathToFileURL(path.resolve(process.argv[2], 'dist/core.js')))
const server = await new Promise(resolve => { const made = createServer((request, response) => response.end('{}')).listen(0, '127.0.0.1', () => resolve(made)) })
const origin = `http://127.0.0.1:${server.address().port}`
const signal = AbortSignal.abort()
const outcome = promise => promise.then(() => 'resolved', error => error.name)

async function look(fetch) {
  const used = new Request(`${origin}/x`, { method: 'POST', body: 'foo', signal })
  return {
    mode: await outcome(fetch(`${origin}/x`, { mode: 'navigate', signal })),
    method: await outcome(fetch(`${origin}/x`, { method: 'TRACE', signal })),
    body: await outcome(fetch(`${origin}/x`, { body: 'foo', signal })),
    headers: await outcome(fetch(`${origin}/x`, { headers: { 'a b': '1' }, signal })),
    request: await outcome(fetch(used)),
    isUsed: used.bodyUsed,
  }
}
let broken = false
for (const signedIn of [false, true]) {
  const auth = createAuthClient({ baseUrl: `${origin}/`, endpoints: { restore: () => null }, restore: 'manual', tabs: false, server: true })
  if (signedIn) await auth.setTokens({ accessToken: 'a', expiresIn: 3600 })
  const [native, own] = [await look(fetch), await look(auth.fetch)]
  for (const key in native) if (native[key] !== own[key]) { broken = true; console.log(signedIn ? 'signed in' : 'signed out', key, 'native:', native[key], 'client:', own[key]) }
  auth.dispose()
}
server.close()
process.exit(broken ? 1 : 0)
