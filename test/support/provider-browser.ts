import { createHash, randomBytes } from 'node:crypto'
import { CookieJar } from 'tough-cookie'

type Fields = Record<string, string>

export interface Visited {
  /** The first one at another origin, or that of the page that is shown. */
  url: string
  html: string
  response?: Response
}

/** A browser without scripts, and an app's calls, at an authorization server: for tests of that server. */
export interface ProviderBrowser {
  /** Of PKCE. */
  readonly verifier: string
  visit(address: string, form?: Fields): Promise<Visited>
  /** The parameters of an authorization request, with these added. */
  request(more?: Fields): Fields
  authorize(more?: Fields): Promise<Visited>
  /** What the app is sent back with. */
  logIn(user: { email: string; password: string }, more?: Fields): Promise<URLSearchParams>
  exchange(answer: URLSearchParams, more?: Fields): Promise<TokenAnswer>
  refresh(refreshToken: string, more?: Fields): Promise<TokenAnswer>
}

export type TokenAnswer = [status: number, body: Fields]

const hidden = (html: string): Fields =>
  Object.fromEntries(
    [...html.matchAll(/name="(\w+)" value="([^"]*)"/g)].map(([, name, value]) => [name!, value!]),
  )

export function openProviderBrowser(issuer: string, clientId: string, page: string): ProviderBrowser {
  const jar = new CookieJar()
  const verifier = randomBytes(32).toString('base64url')

  async function visit(address: string, form?: Fields): Promise<Visited> {
    const url = new URL(address, issuer)
    if (url.origin !== issuer) return { url: url.href, html: '' }
    const response = await fetch(url, {
      method: form ? 'POST' : 'GET',
      redirect: 'manual',
      headers: { cookie: await jar.getCookieString(url.href), accept: 'text/html' },
      ...(form && { body: new URLSearchParams(form) }),
    })
    for (const cookie of response.headers.getSetCookie()) await jar.setCookie(cookie, url.href)
    const location = response.headers.get('location')
    if (location) return visit(new URL(location, url).href)
    const html = await response.text()
    // A form that a script of the page sends.
    const action = /<form[^>]*action="([^"]*)"/.exec(html)?.[1]
    if (action && html.includes('forms[0].submit')) return visit(action, { ...hidden(html), logout: 'yes' })
    return { url: url.href, html, response }
  }

  const request = (more: Fields = {}) => ({
    client_id: clientId,
    response_type: 'code',
    redirect_uri: page,
    scope: 'openid profile offline_access',
    state: 'state',
    code_challenge: createHash('sha256').update(verifier).digest('base64url'),
    code_challenge_method: 'S256',
    ...more,
  })

  const authorize = (more?: Fields) => visit(`/auth?${new URLSearchParams(request(more))}`)

  async function token(fields: Fields): Promise<TokenAnswer> {
    const response = await fetch(`${issuer}/token`, {
      method: 'POST',
      headers: { origin: new URL(page).origin },
      body: new URLSearchParams({ client_id: clientId, ...fields }),
    })
    return [response.status, await response.json()]
  }

  return {
    verifier,
    visit,
    request,
    authorize,
    async logIn({ email, password }, more) {
      const { url } = await authorize(more)
      if (!url.startsWith(`${issuer}/login/`)) throw new Error(`no login page, but ${url}`)
      return new URL((await visit(url, { email, password, do: 'log-in' })).url).searchParams
    },
    exchange: (answer, more) =>
      token({
        grant_type: 'authorization_code',
        code: answer.get('code') ?? '',
        redirect_uri: page,
        code_verifier: verifier,
        ...more,
      }),
    refresh: (refreshToken, more) =>
      token({ grant_type: 'refresh_token', refresh_token: refreshToken, ...more }),
  }
}
