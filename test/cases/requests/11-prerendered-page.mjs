// Speculation Rules: in a page that is prerendered Web Locks wait until it is shown. What the app asks for meanwhile should
// wait too, or go on without the lock; it should not have failed by the time that the user sees the page.
import { bundle, done, html, js, json, launch, site, sleep } from './kit.mjs'

const problems = []
const script = await bundle()
let refreshes = 0
const { origin, close } = await site(request => {
  const path = request.url.split('?')[0]
  if (path === '/sdk.js') return js(script)
  if (path === '/refresh_token') { refreshes++; return json(200, { access_token: `a${refreshes}`, expires_in: 3600 }) }
  if (path === '/items') return request.headers.authorization ? json(200, ['apple']) : json(401, {})
  if (path === '/next') return html(`<script>
    window.prerendered = document.prerendering
    window.auth = sdk.createAuthClient({ tabs: sdk.shareTabs(), timeout: 2000 })
    window.told = { at: {} }
    auth.ready().then(session => { told.ready = session.status + (session.error ? ' ' + session.error.code : ''); told.at.ready = document.prerendering ? 'prerendering' : 'shown' })
    auth.fetch('/items').then(r => { told.items = String(r.status) }, e => { told.items = e.code }).then(() => { told.at.items = document.prerendering ? 'prerendering' : 'shown' })
  </script>`)
  if (path === '/') return html(`<a id="go" href="/next">next</a><script type="speculationrules">{"prerender":[{"source":"list","urls":["/next"],"eagerness":"immediate"}]}</script>`)
  return [404, {}, '']
})
const browser = await launch()
const page = await browser.newPage()
await page.goto(`${origin}/`)
await sleep(6_000) // the user reads; three times the client's "timeout"
await Promise.all([page.waitForNavigation(), page.evaluate(() => document.querySelector('#go').click())]).catch(() => {})
await sleep(4_000)
const seen = await page.evaluate(() => ({ url: location.pathname, prerendered: window.prerendered, told: window.told, status: auth.session.status }))
await browser.close()
close()
if (!seen.prerendered) { console.log('This Chromium did not prerender: nothing is shown.', JSON.stringify(seen)); process.exit(0) }
if (seen.told.items !== '200' || !seen.told.ready?.startsWith('authenticated')) problems.push(`ready(): ${seen.told.ready} (${seen.told.at.ready}); fetch: ${seen.told.items} (${seen.told.at.items}); 4 s after it was shown: ${seen.status}; ${refreshes} refreshes`)
else console.log(JSON.stringify(seen), refreshes)
done(problems)
