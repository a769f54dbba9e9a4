import { type ContractMode, contractPoints, type PointId } from 'silent-refresh/testing/contract'

/** What an auth server can get wrong, and the points that fail then. No others do. In bearer mode. */
const BEARER = {
  'another token field': ['login'],
  'a token with a space': ['login'],
  'another token type': ['login'],
  'a login as HTML': ['login'],
  'the refresh token in the body': ['login-body'],
  'the cookie in the body': ['login-body'],
  'no expires_in': ['login-expires-in'],
  'expires_in in milliseconds': ['login-expires-in'],
  'a wrong password is 403': ['login-wrong-password'],
  'a wrong password sets a cookie': ['login-wrong-password'],
  'an unknown user is told': ['login-unknown-user'],
  'a malformed login is 500': ['login-malformed'],
  'a malformed login is accepted': ['login-malformed'],
  'no cookie at all': ['cookie'],
  'no HttpOnly': ['cookie-http-only'],
  'no SameSite': ['cookie-same-site'],
  'SameSite=None': ['cookie-same-site'],
  'the path is /': ['cookie-path'],
  'the path is that of the refresh': ['cookie-path', 'logout-ends-session', 'logout-rotated-token'],
  '__Host- without Path=/': ['cookie-path'],
  '__Host- without Secure': ['cookie-secure'],
  'no Max-Age': ['cookie-max-age'],
  'a Domain': ['cookie-domain'],
  'a refresh needs a bearer': ['refresh'],
  'a refresh sets no cookie': ['refresh-rotation', 'reuse-superseded'],
  'the same cookie again': ['refresh-rotation', 'reuse-superseded', 'reuse-after-grace'],
  'no user in a refresh': ['refresh-user'],
  'iat is copied': ['refresh-issued-at'],
  'no cookie is 403': ['refresh-no-token'],
  'no cookie is 200': ['refresh-no-token'],
  'an unknown cookie is 500': ['refresh-unknown-token'],
  'a refusal clears the cookie': ['refresh-keeps-cookies'],
  'no grace': ['grace-race', 'grace-lost-answer'],
  'a repeat gets a dead cookie': ['grace-race', 'grace-lost-answer'],
  'a used token is always good': ['reuse-superseded', 'reuse-after-grace'],
  'a used token is refused, and no more': ['reuse-superseded', 'reuse-after-grace'],
  'the grace does not end': ['reuse-after-grace'],
  'a logout is a redirect': ['logout', 'logout-again'],
  'a logout is for show': ['logout-ends-session', 'logout-rotated-token'],
  'a logout clears nothing': ['logout-clears-cookies'],
  'a logout clears another path': ['logout-clears-cookies'],
  'a dead logout is 401': ['logout-again'],
  'a logout without a cookie is 401': ['logout-again'],
  'only the newest cookie logs out': ['logout-rotated-token'],
  'no origin check': ['origin', 'origin-missing'],
  'no origin check at login': ['origin'],
  'no origin check at logout': ['origin'],
  'origins by prefix': ['origin'],
  'origins by suffix': ['origin'],
  'the origin null is fine': ['origin'],
  'a foreign origin is refused too late': ['origin'],
  'a missing origin is fine': ['origin-missing'],
  'every origin may read': ['origin-echo'],
  'the API is closed': ['api', 'api-no-token', 'api-bad-token', 'api-forged-token', 'api-expired-token'],
  'the API redirects to a login page': ['api-no-token'],
  'the API has no challenge': ['api-no-token', 'api-bad-token'],
  'a bad token is 403': ['api-bad-token', 'api-forged-token', 'api-expired-token'],
  'a bad token is not named': ['api-bad-token'],
  'no signature check': ['api-forged-token'],
  'the algorithm of the token is used': ['api-forged-token'],
  'expired tokens are fine': ['api-expired-token'],
  'answers may be cached': ['no-store'],
  'the API may be cached': ['no-store'],
  'errors are HTML': ['error-bodies'],
  'errors are text': ['error-bodies'],
  'too many logins': [],
  'the preflight needs a session': ['cors-preflight'],
  'the preflight allows no header': ['cors-preflight'],
  'the preflight of a logout allows no header': ['cors-preflight'],
  'the preflight allows another origin': ['cors-preflight'],
  'no CORS headers': ['cors-preflight', 'cors-answers', 'cors-errors', 'cors-expose'],
  'no CORS credentials': ['cors-preflight', 'cors-answers', 'cors-errors'],
  'no Vary': ['cors-answers', 'cors-errors'],
  'no CORS headers with an error': ['cors-errors', 'cors-expose'],
  'nothing is exposed': ['cors-expose'],
} as const

/** What else can be wrong if the access token is a cookie, and what fails otherwise than in bearer mode. */
const COOKIE = {
  // Nobody reads a token in the body, or a challenge.
  'another token field': [],
  'a token with a space': [],
  'another token type': [],
  'no cookie is 403': [],
  'the API has no challenge': [],
  'a bad token is not named': [],
  'nobody is 204': [],
  'the path is that of the refresh': [
    'cookie-path',
    'logout-ends-session',
    'logout-rotated-token',
    'csrf',
    'csrf-planted',
  ],
  'the API is closed': [
    'csrf-api',
    'api',
    'api-no-token',
    'api-bad-token',
    'api-forged-token',
    'api-expired-token',
  ],
  'other cookie names': ['login'],
  'a login returns {"ok":true}': ['login', 'login-expires-in'],
  'no access cookie': ['login'],
  'the access token in the body': ['login-body'],
  'the access cookie is readable': ['cookie-http-only'],
  'the access cookie is SameSite=None': ['cookie-same-site'],
  'the access cookie has a Domain': ['cookie-domain'],
  'the access cookie is for /auth': ['cookie-path', 'csrf-api', 'api'],
  'a refresh sets no access cookie': ['refresh', 'grace-race', 'grace-lost-answer'],
  'a refusal clears the access cookie': ['refresh-keeps-cookies'],
  'a logout leaves the access cookie': ['logout-clears-cookies'],
  'no CSRF cookie': ['refresh', 'csrf-cookie'],
  'the CSRF cookie is HttpOnly': ['csrf-cookie'],
  'the CSRF cookie is for /auth': ['csrf-cookie'],
  'the CSRF cookie ends with the browser': ['csrf-cookie'],
  'the CSRF cookie ends with the access token': ['csrf-cookie'],
  'the CSRF cookie is for the own host': ['csrf-cookie'],
  'the CSRF check comes first': ['logout-again'],
  'no CSRF check': ['origin', 'csrf', 'csrf-planted', 'csrf-api'],
  'no CSRF check at a refresh': ['csrf', 'csrf-planted'],
  'no CSRF check at a logout': ['csrf', 'csrf-planted'],
  'no CSRF check at the API': ['origin', 'csrf-api'],
  'the API checks the origin': [],
  'the CSRF value is compared with its cookie': ['csrf-planted', 'csrf-earlier', 'csrf-api'],
  'the CSRF value of any session is fine': ['csrf-planted', 'csrf-api'],
  'a missing CSRF value is refused too late': ['csrf', 'csrf-planted'],
  'only the newest CSRF value is fine': [
    'grace-race',
    'grace-lost-answer',
    'reuse-superseded',
    'reuse-after-grace',
    'logout-rotated-token',
    'csrf-earlier',
  ],
  'the user endpoint is closed': ['me', 'me-nobody'],
  'the user endpoint is a page': ['me', 'me-nobody'],
  'the user endpoint returns nothing': ['me'],
  'the user endpoint redirects to a login page': ['me-nobody'],
  'the user endpoint names a guest': ['me-nobody'],
  'the preflight does not allow the CSRF header': ['cors-preflight'],
  'no CORS credentials at the API': ['cors-preflight', 'cors-answers', 'cors-errors'],
} as const

/** The refresh token is in the body. */
const BODY = {
  'the path is that of the refresh': [],
  'another refresh field': ['login-refresh-token'],
  'no refresh token': ['login-refresh-token'],
  'a refresh without a body is 500': ['refresh-no-token'],
} as const

/** The access token renews itself. */
const SLIDING = {
  'the path is that of the refresh': [],
  'a refresh needs a bearer': [],
  'a refresh needs a refresh token': ['refresh'],
  'a refresh sets no cookie': [],
  'the same cookie again': ['refresh-rotation', 'refresh-issued-at', 'sliding-old-token', 'sliding-race'],
  'a renewed token stays good': ['sliding-old-token', 'sliding-race'],
  'the API takes renewed tokens': ['sliding-old-token'],
  'an old token ends the session': ['sliding-race'],
  'an expired token is renewed': ['sliding-expired-token'],
} as const

const OWN = { bearer: {}, cookie: COOKIE, body: BODY, sliding: SLIDING }

export type Break = keyof typeof BEARER | keyof typeof COOKIE | keyof typeof BODY | keyof typeof SLIDING

/** What can be wrong in a mode, and the points that fail then: those of bearer mode that apply, unless it has its own. */
export function breaksIn(mode: ContractMode): ReadonlyMap<Break, readonly PointId[]> {
  const applies = new Set(contractPoints.filter(({ modes }) => modes.includes(mode)).map(({ id }) => id))
  const shared = Object.entries(BEARER).map(
    ([what, ids]) => [what, ids.filter(id => applies.has(id))] as const,
  )
  const seen = shared.filter(
    ([what, ids]) => ids.length > 0 || mode === 'bearer' || what === 'too many logins',
  )
  return new Map([...seen, ...Object.entries(OWN[mode])] as [Break, readonly PointId[]][])
}

/** Is the server broken in this? */
export type Is = (what: Break) => boolean
