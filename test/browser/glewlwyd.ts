import { execFile } from 'node:child_process'
import { generateKeyPairSync } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { gunzipSync } from 'node:zlib'
import { freePort } from '../support/free-port.ts'
import { type Gate, type OtherServer, openGate, run, USER } from './other-servers.ts'

/** glewlwyd 2.7: refresh tokens that can be used once, PAR, DPoP, a logout with a page of its own. */
export const GLEWLWYD: OtherServer = {
  name: 'glewlwyd',
  file: '/usr/bin/glewlwyd',
  debian: 'glewlwyd',
}

export interface Glewlwyd {
  readonly gate: Gate
  /** Two issuers on one server: `nonce` is the one that demands nonces in proofs. */
  readonly issuers: { readonly oidc: string; readonly nonce: string }
  close(): Promise<void>
}

const SCHEMA = '/usr/share/doc/glewlwyd/database/init.sqlite3.sql.gz'

/** Out of the box a client cannot have what its logout looks for. */
const LOGOUT_URIS = `
UPDATE g_client_module_instance SET gcmi_parameters = replace(gcmi_parameters,
  '"post_logout_redirect_uri":{"multiple":false', '"post_logout_redirect_uris":{"multiple":true');`

/** Its own page is a large script. This one makes the same calls: who it is and what is granted, or who leaves. */
const LOGIN = `<!doctype html><title>Log in</title>
<form><input id="id_username"><input id="id_password" type="password"><button id="log-in">Log in</button></form>
<script>
const asked = new URLSearchParams(location.search)
const call = (method, path, body) => fetch('/api/' + path, {
  method, headers: { 'Content-Type': 'application/json' }, body: body && JSON.stringify(body),
})
document.querySelector('form').onsubmit = async event => {
  event.preventDefault()
  if (asked.get('prompt') === 'end_session') {
    await call('DELETE', asked.get('plugin') + '/session/' + asked.get('sid') + '/')
    await call('DELETE', 'auth/')
    location = asked.get('callback_url')
    return
  }
  await call('POST', 'auth/', { username: id_username.value, password: id_password.value })
  await call('PUT', 'auth/grant/' + asked.get('client_id'), { scope: asked.get('scope') })
  const to = asked.get('callback_url')
  location = to + (to.includes('?') ? '&' : '?') + 'g_continue'
}
</script>`

export async function startGlewlwyd(app: string, audience: string): Promise<Glewlwyd> {
  const gate = await openGate()
  const port = await freePort()
  const server = await run(async folder => {
    const database = join(folder, 'glewlwyd.db')
    const schema = join(folder, 'schema.sql')
    await writeFile(schema, `${gunzipSync(await readFile(SCHEMA))}${LOGOUT_URIS}`)
    await promisify(execFile)('sqlite3', [database, `.read ${schema}`])
    await writeFile(join(folder, 'login.html'), LOGIN)
    const config = join(folder, 'glewlwyd.conf')
    await writeFile(config, configuration(port, gate.origin, folder, database))
    return ['/usr/bin/glewlwyd', `--config-file=${config}`]
  }, /Glewlwyd started/)
  gate.lead(port)
  const issuers = { oidc: `${gate.origin}/api/oidc`, nonce: `${gate.origin}/api/nonce` }
  async function close(): Promise<void> {
    gate.close()
    await server.close()
  }
  try {
    await setUp(gate.origin, app, audience, issuers)
  } catch (error) {
    await close()
    throw error
  }
  return { gate, issuers, close }
}

const configuration = (port: number, origin: string, folder: string, database: string) => `
port = ${port}
bind_address = "127.0.0.1"
external_url = "${origin}"
login_url = "login.html"
api_prefix = "api"
static_files_path = "${folder}"
static_files_mime_types = ( { extension = ".html" mime_type = "text/html" } )
allow_origin = "*"
allow_methods = "GET, POST, PUT, DELETE, OPTIONS"
allow_headers = "Origin, X-Requested-With, Content-Type, Accept, Bearer, Authorization, DPoP"
expose_headers = "Content-Encoding, Authorization, DPoP-Nonce, WWW-Authenticate"
log_mode = "console"
log_level = "INFO"
cookie_secure = false
session_key = "GLEWLWYD2_SESSION_ID"
admin_scope = "g_admin"
profile_scope = "g_profile"
login_api_enabled = true
user_module_path = "/usr/lib/glewlwyd/user"
client_module_path = "/usr/lib/glewlwyd/client"
user_auth_scheme_module_path = "/usr/lib/glewlwyd/scheme"
plugin_module_path = "/usr/lib/glewlwyd/plugin"
hash_algorithm = "SHA512"
database = { type = "sqlite3"; path = "${database}" }
`

/** By its own API, as its administrator would. */
async function setUp(
  origin: string,
  app: string,
  audience: string,
  issuers: Glewlwyd['issuers'],
): Promise<void> {
  let cookie = ''
  async function post(path: string, body: object): Promise<void> {
    const answer = await fetch(`${origin}/api/${path}`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', Cookie: cookie },
      body: JSON.stringify(body),
    })
    if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`)
    cookie ||= answer.headers.get('set-cookie')!.split(';')[0]!
  }
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const key = { ...privateKey.export({ format: 'jwk' }), kid: 'test', alg: 'ES256' }

  await post('auth/', { username: 'admin', password: 'password' })
  for (const [name, iss] of Object.entries(issuers)) {
    await post('mod/plugin/', {
      module: 'oidc',
      name,
      display_name: name,
      order_rank: 0,
      readonly: false,
      parameters: {
        iss,
        'jwks-private': JSON.stringify({ keys: [key] }),
        'default-kid': 'test',
        'jwks-show': true,
        'access-token-duration': 60,
        'refresh-token-duration': 3600,
        'code-duration': 60,
        'refresh-token-rolling': true,
        'refresh-token-one-use': 'always',
        'allow-non-oidc': true,
        'auth-type-code-enabled': true,
        'auth-type-code-revoke-replayed': true,
        'auth-type-token-enabled': false,
        'auth-type-id-token-enabled': true,
        'auth-type-none-enabled': false,
        'auth-type-password-enabled': false,
        'auth-type-client-enabled': false,
        'auth-type-device-enabled': false,
        'auth-type-refresh-enabled': true,
        'secret-type': 'pairwise',
        'address-claim': { type: 'no' },
        'name-claim': 'mandatory',
        'email-claim': 'no',
        'scope-claim': 'no',
        'allowed-scope': ['openid'],
        'pkce-allowed': true,
        'pkce-method-plain-allowed': false,
        'pkce-required': true,
        'introspection-revocation-allowed': true,
        'introspection-revocation-allow-target-client': true,
        'session-management-allowed': true,
        'session-cookie-name': 'GLEWLWYD2_OIDC_SID',
        'session-cookie-expiration': 2_419_200,
        'oauth-dpop-allowed': true,
        'oauth-dpop-iat-duration': 60,
        'oauth-dpop-iat-gap-duration': 10,
        'oauth-dpop-nonce-mandatory': name === 'nonce',
        'oauth-dpop-nonce-counter': 10,
        'oauth-par-allowed': true,
        'oauth-par-duration': 90,
        'oauth-par-required': false,
        'oauth-par-request_uri-prefix': 'urn:ietf:params:oauth:request_uri:',
        'resource-allowed': true,
        'resource-scope': { openid: [audience] },
        'oauth-as-iss-id': true,
      },
    })
  }
  await post('user/', {
    username: USER.name,
    name: 'Ada',
    password: USER.password,
    scope: ['openid', 'g_profile'],
    enabled: true,
  })
  await post('client/', {
    client_id: 'spa',
    name: 'The app',
    enabled: true,
    confidential: false,
    scope: [],
    redirect_uri: [`${app}/`],
    post_logout_redirect_uris: [`${app}/`],
    authorization_type: ['code', 'refresh_token'],
    token_endpoint_auth_method: ['none'],
  })
}
