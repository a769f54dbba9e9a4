// docs/security.md: "Logout clears memory before it does anything else". createBearer keeps up to 16 whole `Authorization` values (and the
// last Headers) for ever: also those of refreshed-away tokens, also after a logout that the server confirmed. A heap snapshot
// (DevTools on a shared computer, a crash dump) has them. Tokens of an hour are good for the rest of it, unless denied.
import v8 from 'node:v8'
import { createBrowser, json, jwt, PAGE, settle, verdict } from './lib.mjs'

const browser = createBrowser({
  async fetch(input, init) {
    const { pathname } = new URL(new Request(input, init).url)
    if (pathname === '/logout') return new Response(null, { status: 204 })
    if (pathname === '/api') return json({})
    return json({ access_token: jwt({ iss: 'heap-marker', sub: 'ada' }), expires_in: 3600 })
  },
})
const tab = browser.open({ logger: undefined, tabs: false })
await tab.client.login({})
for (let i = 0; i < 5; i++) {
  await (await tab.client.fetch(`${PAGE}/api`)).text()
  await tab.client.refresh()
}
await (await tab.client.fetch(`${PAGE}/api`)).text()
const result = await tab.client.logout()
await browser.clock.advance(60_000)
await settle()
async function count() {
  let text = ''
  const found = new Set()
  for await (const chunk of v8.getHeapSnapshot()) {
    text = text.slice(-4096) + chunk
    for (const [token] of text.matchAll(/eyJhbGciOiJub25lIn0\.[\w-]{20,}\.[\w-]{10,}/g)) found.add(token)
  }
  return found.size
}
const left = await count()
console.log({ revoked: result.revoked, status: tab.client.session.status, 'whole tokens in the heap': left })
verdict(left > 0, `${left} bearer tokens are in memory a minute after a confirmed logout`)
