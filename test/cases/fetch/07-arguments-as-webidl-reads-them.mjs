// What fetch refuses with a TypeError and what it reads, and the client does not: no argument at all, an init that is no object,
// headers that are none, members that an object has without being enumerable or that are not on the client's list.
import { createServer } from 'node:http'
import { pathToFileURL } from 'node:url'
import path from 'node:path'
const { createAuthClient } = await import(pathToFileURL(path.resolve(process.argv[2], 'dist/core.js')))
const server = await new Promise(resolve => { const made = createServer((request, response) => response.end(request.method)).listen(0, '127.0.0.1', () => resolve(made)) })
const origin = `http://127.0.0.1:${server.address().port}`
const auth = createAuthClient({ baseUrl: `${origin}/`, restore: 'manual', tabs: false, server: true })
await auth.setTokens({ accessToken: 'a', expiresIn: 3600 })
class Init { constructor(members) { Object.assign(this, members) } }
const url = `${origin}/x`
const calls = {
  'no argument': [],
  'init is 0': [url, 0],
  'init is false': [url, false],
  'headers are null': [url, { headers: null }],
  'headers are an empty string': [url, { headers: '' }],
  'a header named by a symbol': [url, { headers: { [Symbol('a')]: '1' } }],
  'a member that is not enumerable': [url, Object.defineProperty({}, 'method', { value: 'POST' })],
  'window in an init with a class': [url, new Init({ window: 'not null' })],
}
const outcome = (fetch, args) => fetch(...args).then(response => response.text(), error => error.name)
let broken = false
const tell = (name, native, own) => { if (native !== own) { broken = true; console.log(`${name} | native: ${native} | client: ${own}`) } }
tell('fetch.length', fetch.length === 1 ? 1 : 'not 1, here', auth.fetch.length)
for (const [name, args] of Object.entries(calls)) tell(name, await outcome(fetch, args), await outcome(auth.fetch, args))
server.close()
process.exit(broken ? 1 : 0)
