// Step-up, organisation switch, profile change: the server hands out another access token of the same user, and no refresh
// token. TokenSet.refreshToken: "a missing one keeps the one held". The session has to outlive that access token, and a reload.
import { check, createServer, createStore, createTestBrowser, createTestClock, end, json, makeToken, settle, tokenStorage } from './_kit.mjs'

for (const shared of [false, true]) {
  const clock = createTestClock()
  let serial = 0
  const server = createServer({
    'POST /login': () => json({ access_token: makeToken({ sub: 'ada' }, { now: clock.now(), expiresIn: 900 }), expires_in: 900, refresh_token: `r${++serial}` }),
    'POST /refresh_token': ({ body }) =>
      body?.refresh_token === `r${serial}`
        ? json({ access_token: makeToken({ sub: 'ada', n: serial }, { now: clock.now(), expiresIn: 900 }), expires_in: 900, refresh_token: `r${++serial}` })
        : json({ error: 'invalid_grant' }, 401),
  })
  const browser = createTestBrowser({ fetch: server.fetch, clock })
  const storage = createStore(shared)
  const auth = browser.openTab({ restore: 'manual', storage: tokenStorage(storage) })
  await auth.login({})
  await auth.setTokens({ accessToken: makeToken({ sub: 'ada', acr: 'gold' }, { now: clock.now(), expiresIn: 300 }), expiresIn: 300 })
  await settle()
  check(`${shared ? 'shared' : 'one tab'}: what rests is still there after setTokens`, storage.map.size > 0, [...storage.map])
  await clock.advance(400_000)
  check(`${shared ? 'shared' : 'one tab'}: still signed in after the elevated token has ended`, auth.session.status === 'authenticated', auth.session)
  check(`${shared ? 'shared' : 'one tab'}: it was renewed with the refresh token that was held`, server.count('POST /refresh_token') >= 1, server.count('POST /refresh_token'))
  browser.dispose()
}
end()
