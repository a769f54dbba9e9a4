// The case of a header's name, as it is written: fetch keeps it on the wire (HTTP/1.1) for a list of pairs and for a Request.
// The client sends it in lower case (a plain object keeps it).
import { createServer } from 'node:http'
import { pathToFileURL } from 'node:url'
import path from 'node:path'
const { createAuthClient } = await import(pathToFileURL(path.resolve(process.argv[2], 'dist/core.js')))
const seen = []
const server = await new Promise(resolve => { const made = createServer((request, response) => { seen.push(request.rawHeaders.find(name => /^x-case/i.test(name))); response.end() }).listen(0, '127.0.0.1', () => resolve(made)) })
const origin = `http://127.0.0.1:${server.address().port}`
async function look(fetch, url) {
  seen.length = 0
  await fetch(url, { headers: { 'X-Case': '1' } })
  await fetch(url, { headers: [['X-Case', '1']] })
  await fetch(new Request(url, { headers: { 'X-Case': '1' } }))
  return seen.join(' ')
}
let broken = false
for (const allowed of [true, false]) {
  const auth = createAuthClient({ baseUrl: allowed ? `${origin}/` : 'https://elsewhere.example', restore: 'manual', tabs: false, server: true })
  await auth.setTokens({ accessToken: 'a', expiresIn: 3600 })
  const [native, own] = [await look(fetch, `${origin}/x`), await look(auth.fetch, `${origin}/x`)]
  console.log(allowed ? 'allowed origin' : 'another origin', '| native:', native, '| client:', own)
  if (native !== own) broken = true
}
server.close()
process.exit(broken ? 1 : 0)
