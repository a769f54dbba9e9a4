import type { PointTexts } from '../point.ts'

const COOKIE_MODE = 'backend-modes.md#cookie-mode'

/** Who may send a request, what the API does with it, and what all answers have. */
export const REQUESTS: PointTexts<'origin' | 'csrf' | 'me' | 'api' | 'no' | 'error' | 'cors'> = {
  origin: {
    title: 'A request from another origin is refused',
    expected: '403, or another 4xx, at login, refresh and logout, without any effect',
    why: 'The browser adds the cookie to every request. SameSite does not stop a sibling subdomain.',
    see: 'origin-check',
    in: {
      cookie: {
        expected: '403, or another 4xx, at login, refresh, logout and a POST to the API, without any effect',
      },
    },
  },
  'origin-missing': {
    title: 'A request that does not say where it comes from is refused',
    expected: '403, or another 4xx, for a refresh without Origin and without Sec-Fetch-Site: same-origin',
    why: 'Every browser sends one of the two headers with a POST. A sibling subdomain is same-site.',
    see: 'origin-check',
  },
  'origin-echo': {
    title: 'No other origin may read an answer',
    expected: 'Access-Control-Allow-Origin for the origins of your list alone, and never * with credentials',
    why: 'A server that returns every Origin that it was sent gives every site the tokens of your users.',
    see: 'cors',
  },
  csrf: {
    title: 'A request without the CSRF value is refused',
    expected: '403, or another 4xx, at refresh and logout, without any effect',
    why: 'The browser adds the cookies to every request. The value shows that the page itself has sent it.',
    see: COOKIE_MODE,
  },
  'csrf-cookie': {
    title: 'A login sets a cookie with the CSRF value, which the page can read',
    expected:
      'no HttpOnly, Path=/, a Domain if the page has another host, and a lifetime as long as that of the refresh cookie',
    why: 'The client sends its value back as a header. Without it the next refresh is refused, and ends the session.',
    see: COOKIE_MODE,
  },
  'csrf-planted': {
    title: 'A CSRF value of another session is refused',
    expected: '403, or another 4xx, although cookie and header have the same value',
    why: 'A sibling subdomain can set this cookie. So compare the value with the session, and not with the cookie.',
    see: COOKIE_MODE,
  },
  'csrf-earlier': {
    title: 'An earlier CSRF value of the session stays good',
    expected: '2xx for a refresh with the value from before the last refresh',
    why: 'Another tab may have refreshed since this tab read the value.',
    see: COOKIE_MODE,
  },
  'csrf-api': {
    title: 'The API refuses a POST without the CSRF value of the session',
    expected:
      '403 without the value and with that of another session, and neither 401 nor 403 with the right one',
    why: 'The browser adds the access cookie to every request, also to that of another page.',
    see: COOKIE_MODE,
  },
  me: {
    title: 'The user endpoint returns the user',
    expected: '2xx with a JSON object that is not empty, for the access cookie',
    why: 'JavaScript sees no token. A page load learns here who is signed in.',
    see: COOKIE_MODE,
  },
  'me-nobody': {
    title: 'The user endpoint returns no user without a good access cookie',
    expected: '401, or 2xx with an empty body, null or {}',
    why: 'The client then refreshes once. Any other answer looks like an outage, or like a user.',
    see: COOKIE_MODE,
  },
  api: {
    title: 'The API accepts the access token',
    expected: '2xx for Authorization: Bearer with the token of the login',
    why: 'The client adds this header to each request.',
    see: '401-and-403-from-the-api',
    in: {
      cookie: {
        expected: '2xx for the access cookie, without an Authorization header',
        why: 'JavaScript sees no token, so the client adds no header.',
        see: COOKIE_MODE,
      },
    },
  },
  'api-no-token': {
    title: 'The API refuses a request without a token with 401',
    expected: '401 with WWW-Authenticate: Bearer',
    why: 'A redirect, a 403 or a 200 does not start a refresh.',
    see: '401-and-403-from-the-api',
    in: { cookie: { expected: '401' } },
  },
  'api-bad-token': {
    title: 'The API refuses a bad token with 401',
    expected: '401 with WWW-Authenticate: Bearer and error="invalid_token"',
    why: 'A 401 makes the client refresh once and repeat the request. A 403 goes to the app.',
    see: '401-and-403-from-the-api',
    in: { cookie: { expected: '401' } },
  },
  'api-forged-token': {
    title: 'The API checks the signature',
    expected: '401 for a token that was changed, and for one that has no signature',
    why: 'Otherwise everybody can be any user.',
    see: 'the-access-token',
  },
  'api-expired-token': {
    title: 'The API refuses an expired token with 401',
    expected: '401 once expires_in is over',
    why: 'A stolen token must not work for longer than its lifetime.',
    see: 'the-access-token',
  },
  'no-store': {
    title: 'No answer with a token may be cached',
    expected: 'Cache-Control: no-store at login, refresh, logout and the API, errors too',
    why: 'A cache would give the token of one user to another (RFC 6749 §5.1).',
    see: 'endpoints-at-a-glance',
  },
  'error-bodies': {
    title: 'Errors are JSON objects',
    expected: 'a JSON object, such as {"error":"…","message":"…"}',
    why: 'The app gets it with the error. A 400 or 403 with HTML looks like a firewall, and ends no session.',
    see: 'refresh',
  },
  'cors-preflight': {
    title: 'The preflight allows the page',
    expected:
      '2xx, Access-Control-Allow-Origin with this origin, -Allow-Credentials: true at the auth endpoints, and -Allow-Headers with Content-Type and Authorization',
    why: 'The browser sends no request that the preflight did not allow.',
    see: 'cors',
    in: {
      cookie: {
        expected:
          '2xx, Access-Control-Allow-Origin with this origin, -Allow-Credentials: true, and -Allow-Headers with Content-Type and the CSRF header',
      },
    },
  },
  'cors-answers': {
    title: 'The page may read the answers',
    expected:
      'Access-Control-Allow-Origin with this origin, -Allow-Credentials: true at the auth endpoints, and Vary: Origin',
    why: 'Without them the browser hides the answer: the client sees a broken network.',
    see: 'cors',
    in: {
      cookie: {
        expected:
          'Access-Control-Allow-Origin with this origin, -Allow-Credentials: true also at the API, and Vary: Origin',
      },
    },
  },
  'cors-errors': {
    title: 'The page may read the errors',
    expected: 'the same headers with a 401 of the refresh endpoint and of the API',
    why: 'A 401 that the browser hides starts no refresh and ends no session.',
    see: 'cors',
  },
  'cors-expose': {
    title: 'The page may read the headers that the client needs',
    expected: 'Access-Control-Expose-Headers with Date, WWW-Authenticate and Retry-After',
    why: 'Without them the client cannot tell a missing permission from an expired token, and not when to try again.',
    see: 'cors',
  },
}
