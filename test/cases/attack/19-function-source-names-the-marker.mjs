// `tabs: false` with a function as endpoints.refresh needs no scope; it is then made of the function's source text. That text (whatever literals are in
// it) becomes the name of localStorage keys, and changes with every build of the app: a logout that the server did not hear
// is forgotten by the next deploy.
import { createBrowser, json, jwt, settle, verdict } from './lib.mjs'
const browser = createBrowser({ async fetch() { return json({ access_token: jwt({ iss: 'x', sub: 'ada' }), expires_in: 900 }) } })
const release = build => browser.open({ tabs: false, endpoints: { refresh: build } })
const one = release(() => ({ url: 'https://app.example.com/r', headers: { 'X-Api-Key': 'k-123' } }))
await one.client.login({})
browser.online = false
await one.client.logout()
one.client.dispose()
console.log([...browser.storage.keys()])
browser.online = true
const two = release(n => ({ url: 'https://app.example.com/r', headers: { 'X-Api-Key': 'k-123' } })) // minified otherwise
await two.client.ready()
await settle()
verdict(two.client.session.status === 'authenticated', `after a deploy: ${two.client.session.status}`)
