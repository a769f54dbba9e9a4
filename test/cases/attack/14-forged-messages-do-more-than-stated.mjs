// security.md: a forged message "can at worst sign this browser out, or hand it a session of the forger's", and a message "gives it nothing that the
// refresh endpoint would not give it, since the cookie goes along". Three counter-examples:
// a) one `postponed` keeps every open tab from refreshing for a day (users see `refresh_unavailable`; the server is well);
// b) `here` messages with `active` keep an idle session alive past `idleTimeout`;
// c) without a refresh cookie (oauth2 preset, setTokens, sessionStorage) a script of another page of the origin gets the access token by `ask`, and
//    fresh ones by `renew` for as long as the app's tab is open: the refresh endpoint would give it nothing.
import { createBrowser, idleTimeout, json, jwt, PAGE, settle, verdict } from './lib.mjs'
let refreshes = 0
const network = async (input, init) => {
  const request = new Request(input, init)
  const { pathname } = new URL(request.url)
  if (pathname === '/api') return json({})
  if (pathname === '/logout') return new Response(null, { status: 204 })
  const body = await request.text()
  if (pathname === '/refresh_token' && body.includes('refresh_token')) { refreshes++; return json({ access_token: jwt({ iss: 'x', sub: 'ada', n: refreshes }), refresh_token: `r${refreshes}`, expires_in: 60 }) }
  if (pathname === '/refresh_token') refreshes++
  return json({ access_token: jwt({ iss: 'x', sub: 'ada' }), expires_in: 60 })
}
/** A script of the origin, without a client. */
function stranger(browser, name) {
  const heard = []
  const channel = browser.channels.open(name, task => setImmediate(task), console.error)
  channel.onmessage = ({ data }) => heard.push(data)
  return { heard, say: message => channel.postMessage({ v: 1, ...message }) }
}
// a
let browser = createBrowser({ fetch: network })
let tab = browser.open({})
await browser.clock.advance(5)
await tab.client.login({})
await settle()
let script = stranger(browser, browser.channels.names[0])
script.say({ type: 'hello', generation: 0 })
await settle()
const { generation } = script.heard.find(({ type }) => type === 'here')
script.say({ type: 'postponed', generation, code: 'refresh_unavailable', retryAt: browser.clock.now() + 86_400_000, binding: true })
await settle()
await browser.clock.advance(3_600_000)
const later = await tab.client.fetch(`${PAGE}/api`).then(r => r.status, e => `${e.code}, retryAt in ${Math.round((e.retryAt - browser.clock.now()) / 3_600_000)} h`)
console.log('a)', later)
const a = String(later).startsWith('refresh_unavailable')
// b
browser = createBrowser({ fetch: network })
tab = browser.open({ idle: idleTimeout(60_000) })
await browser.clock.advance(5)
await tab.client.login({})
await settle()
script = stranger(browser, browser.channels.names[0])
for (let i = 0; i < 20; i++) { script.say({ type: 'here', generation: 0, active: browser.clock.now() }); await settle(); await browser.clock.advance(30_000) }
console.log('b) ten minutes without a key, idleTimeout one minute:', tab.client.session.status)
const b = tab.client.session.status === 'authenticated'
// c
browser = createBrowser({ fetch: network })
tab = browser.open({})
await browser.clock.advance(5)
await tab.client.setTokens({ accessToken: jwt({ iss: 'x', sub: 'ada' }), refreshToken: 'r0', expiresIn: 60 })
await settle()
script = stranger(browser, browser.channels.names[0])
script.say({ type: 'ask', generation: 0 })
await settle()
for (let i = 0; i < 2; i++) {
  await browser.clock.advance(3_000)
  script.say({ type: 'renew', generation: script.heard.at(-1).generation, dead: false })
  await browser.clock.advance(100)
}
const tokens = new Set(script.heard.filter(({ type }) => type === 'session').map(({ accessToken }) => accessToken))
console.log('c) access tokens in the hands of a script without a cookie:', tokens.size)
const c = tokens.size > 0
verdict(a || b, `a forged message does more than it may (a: ${a}, b: ${b}); c is for the docs to say`)
