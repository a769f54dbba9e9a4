// The user changes their name, or an admin their role. How does the app get session.user to say so? refresh() is the only
// call there is; endpoints.user is configured and is not asked again while a user is known.
import { check, cookieMode, createServer, createTestBrowser, end, json, makeToken } from './_kit.mjs'

let name = 'Ada'
const routes = {
  'POST /login': () => json({ access_token: makeToken({ sub: 'ada' }), expires_in: 900 }),
  'POST /refresh_token': () => json({ access_token: makeToken({ sub: 'ada', jti: `${Math.random()}` }), expires_in: 900 }),
  'GET /me': () => json({ name }),
}
for (const mode of ['bearer', 'cookie']) {
  name = 'Ada'
  const server = createServer(mode === 'cookie' ? { ...routes, 'POST /login': () => json({ expires_in: 900 }), 'POST /refresh_token': () => json({ expires_in: 900 }) } : routes)
  const browser = createTestBrowser({ fetch: server.fetch })
  const auth = browser.openTab({ restore: 'manual', mode: mode === 'cookie' ? cookieMode() : undefined, endpoints: { user: '/me' } })
  await auth.login({})
  name = 'Ada Lovelace'
  await auth.refresh()
  check(`${mode}: after refresh() the new name is shown`, auth.session.user?.name === name, auth.session.user)
  browser.dispose()
}
end()
