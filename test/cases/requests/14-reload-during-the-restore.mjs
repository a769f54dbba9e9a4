// F5 twice: the page is left while its refresh is on the wire, and the next one restores at once. With strict rotation (no
// grace) the server sees one refresh token twice. Nothing was lost, and nobody stole anything.
import { bundle, done, html, js, json, launch, launchFirefox, site, sleep } from './kit.mjs'

const problems = []
const script = await bundle()
let current = 0
let reuses = 0
let isRevoked = false
const { origin, close } = await site(async request => {
  const path = request.url.split('?')[0]
  if (path === '/sdk.js') return js(script)
  if (path === '/') return html('<script>window.auth = sdk.createAuthClient({ tabs: sdk.shareTabs() })</script>')
  const cookie = value => ({ 'Set-Cookie': `rt=${value}; HttpOnly; SameSite=Strict; Path=/` })
  if (path === '/login') { current = 1; isRevoked = false; reuses = 0; return json(200, { access_token: 'a0', expires_in: 3600 }, cookie(1)) }
  if (path === '/refresh_token') {
    const given = Number(/rt=(\d+)/.exec(request.headers.cookie ?? '')?.[1])
    if (!given || isRevoked) return json(401, { error: 'no_session' })
    if (given !== current) { reuses++; isRevoked = true; return json(401, { error: 'reuse_detected' }) }
    current++ // rotated at once; the answer takes its time
    await sleep(600)
    return json(200, { access_token: `a${current}`, expires_in: 3600 }, cookie(current))
  }
  return json(404, {})
})
for (const [name, open] of [['Chromium', launch], ['Firefox', launchFirefox]]) {
  const browser = await open()
  const page = await browser.newPage()
  await page.goto(`${origin}/`)
  await page.evaluate(() => auth.login({}))
  for (let press = 0; press < 4; press++) {
    await page.goto(`${origin}/?${press}`)
    await sleep(150) // the refresh of this page is on the wire now
  }
  await sleep(2_500)
  const status = await page.evaluate(() => `${auth.session.status} ${auth.session.reason ?? ''}`)
  if (!status.startsWith('authenticated')) problems.push(`${name}: ${status}; reuses seen by the server: ${reuses}`)
  await browser.close()
}
close()
done(problems)
