// guide.md: "an app whose login happens on the server, by redirect, calls `refresh()` right after it created the client".
// Ada is signed in in tab 1. In tab 2 Bob signs in by redirect (the server replaces the cookies), the app is loaded there
// and calls refresh(): it is handed Ada's session by tab 1, and the server is not asked.
import { cookieMode, createBrowser, json, jwt, PAGE, settle, verdict } from './lib.mjs'

async function run(mode) {
  const jar = { user: 'ada' }
  const calls = []
  const browser = createBrowser({
    async fetch(input, init, tab) {
      const request = new Request(input, init)
      const { pathname } = new URL(request.url)
      calls.push(`${tab} ${request.method} ${pathname} as ${jar.user}`)
      if (pathname === '/me') return json({ name: jar.user })
      if (pathname === '/refresh_token' || pathname === '/login')
        return json(mode === 'cookie'
          ? { expires_in: 900, user: { name: jar.user } }
          : { access_token: jwt({ iss: 'x', sub: jar.user }), expires_in: 900, user: { name: jar.user } })
      // The API in cookie mode acts as whoever the cookie says.
      return json({ by: mode === 'cookie' ? jar.user : JSON.parse(Buffer.from(request.headers.get('authorization').split('.')[1], 'base64url')).sub })
    },
  })
  const options = mode === 'cookie' ? { mode: cookieMode(), endpoints: { user: '/me' } } : {}
  const one = browser.open(options)
  await browser.clock.advance(5)
  await one.client.login({})
  await settle()
  jar.user = 'bob' // the redirect login in tab 2
  calls.length = 0
  const two = browser.open(options)
  const session = await two.client.refresh()
  await settle()
  const by = await (await two.client.fetch(`${PAGE}/api`)).json()
  console.log(`${mode}: refresh() says ${session.user.name}; the API acts as ${by.by}; calls:`, calls)
  return session.user.name !== 'bob'
}
const bearer = await run('bearer')
const cookie = await run('cookie')
verdict(bearer || cookie, `Bob's page shows Ada (bearer: ${bearer}, cookie: ${cookie})`)
