// Laravel, Devise and their like answer a client that says `Accept: */*` with a redirect to a page (wrong password: 302
// back; not signed in: 302 /login, or 500 where there is no such route), and one that says `Accept: application/json` with
// 422 or 401 and JSON. The client's own auth calls read JSON, so they should say so. The configuration is the one of
// docs/recipes.md, "Double-submit CSRF: Laravel, Django".
import { check, cookieMode, createServer, createTestBrowser, doubleSubmit, end, json, outcome } from './_kit.mjs'

// Illuminate\Http\Concerns\InteractsWithContentTypes::expectsJson, in short.
const expectsJson = headers =>
  headers.get('x-requested-with') === 'XMLHttpRequest' || /[/+]json/i.test((headers.get('accept') ?? '*/*').split(',')[0])
const laravel = refusal => ({ headers }) =>
  expectsJson(headers) ? refusal() : new Response(null, { status: 302, headers: { Location: 'http://localhost:3000/login' } })
const server = createServer({
  'POST /login': laravel(() => json({ message: 'These credentials do not match our records.', errors: { email: ['…'] } }, 422)),
  'POST /refresh_token': laravel(() => json({ message: 'Unauthenticated.' }, 401)),
  'GET /me': laravel(() => json({ message: 'Unauthenticated.' }, 401)),
})
for (const mode of ['bearer', 'cookie']) {
  const browser = createTestBrowser({ fetch: server.fetch })
  const auth = browser.openTab({ mode: mode === 'cookie' ? cookieMode() : undefined, endpoints: { user: '/me' }, restore: 'manual', csrf: doubleSubmit({ cookie: 'XSRF-TOKEN', header: 'X-XSRF-TOKEN' }) })
  await auth.ready()
  check(`${mode}: a visitor is anonymous, not unknown for ever`, auth.session.status === 'anonymous', { status: auth.session.status, error: auth.session.error?.message })
  const { error } = await outcome(auth.login({ email: 'a', password: 'b' }))
  check(`${mode}: a wrong password is login_rejected, with the body`, error?.code === 'login_rejected' && error.body?.errors, { code: error?.code, message: error?.message, accept: server.last('POST /login').headers.get('accept') })
  browser.dispose()
}
end()
