import type { ContractPoint, PointId } from './point.ts'

/** What the contract asks of a backend, point by point, in the order of the report. */
const POINTS: Readonly<Record<PointId, Omit<ContractPoint, 'id'>>> = {
  login: {
    title: 'A login returns an access token that the client finds',
    expected: '2xx with JSON: access_token (or accessToken, token), and token_type Bearer if there is a type',
    why: 'The client reads these fields by default. Another form needs the option readTokens.',
    see: 'login',
  },
  'login-body': {
    title: 'The refresh token is not in the body',
    expected: 'the refresh token in its cookie alone',
    why: 'Every script of the page can read the body, an injected one too.',
    see: 'login',
  },
  'login-expires-in': {
    title: 'expires_in is how long the token is valid',
    expected: 'expires_in in seconds, the same as exp - iat of a JWT',
    why: 'The client refreshes before that time. A wrong number costs a failed request or a refresh too many.',
    see: 'login',
  },
  'login-wrong-password': {
    title: 'A wrong password is refused with 401 and sets no cookie',
    expected: '401 without Set-Cookie',
    why: 'The client shows a 401 of the login as wrong credentials.',
    see: 'login',
  },
  'login-unknown-user': {
    title: 'An unknown user gets the same answer as a wrong password',
    expected: 'the same status and the same body',
    why: 'Two different answers show a stranger which accounts exist.',
    see: 'login',
  },
  'login-malformed': {
    title: 'A login that is not what the server expects is a 4xx',
    expected: '400, or another 4xx, for a body that is broken and for a body without credentials',
    why: 'A 5xx means an outage: the client and your alarms treat it as one.',
    see: 'login',
  },
  cookie: {
    title: 'A login sets a cookie with the refresh token',
    expected: 'one Set-Cookie with the refresh token',
    why: 'A page can use this cookie, and cannot read it. The session then survives a reload.',
    see: 'cookies',
  },
  'cookie-http-only': {
    title: 'JavaScript cannot read the refresh cookie',
    expected: 'HttpOnly',
    why: 'An injected script could copy the token and use it elsewhere.',
    see: 'cookies',
  },
  'cookie-same-site': {
    title: 'Other sites cannot have the refresh cookie sent',
    expected: 'SameSite=Strict, or Lax',
    why: 'Without it another site can refresh and log out in the name of your user.',
    see: 'cookies',
  },
  'cookie-path': {
    title: 'The refresh cookie goes to the auth endpoints and nowhere else',
    expected:
      'a Path above refresh and logout and not above the API, or Path=/ with a name that begins __Host-',
    why: 'A narrow path keeps the token out of most requests. One that is too narrow keeps it from the logout.',
    see: 'cookies',
  },
  'cookie-secure': {
    title: 'The refresh cookie is sent over https only',
    expected: 'Secure; it may be missing over http on a loopback address such as 127.0.0.1',
    why: 'Over plain http everybody on the line can read it. Browsers refuse __Host- and __Secure- names without it.',
    see: 'cookies',
  },
  'cookie-max-age': {
    title: 'The refresh cookie outlives the browser window',
    expected: 'Max-Age, or Expires',
    why: 'Without one the session ends when the browser is closed.',
    see: 'cookies',
  },
  'cookie-domain': {
    title: 'The refresh cookie belongs to one host',
    expected: 'no Domain',
    why: 'With Domain every subdomain gets the refresh token.',
    see: 'cookies',
  },
  refresh: {
    title: 'A refresh with the cookie alone returns a new access token',
    expected: '2xx with the fields of the login answer',
    why: 'The client sends no more than the cookie, after a page load for example.',
    see: 'refresh',
  },
  'refresh-rotation': {
    title: 'Each refresh sets a new refresh cookie',
    expected: 'Set-Cookie with another value',
    why: 'A token that is used once shows a theft: two parties then come with the same one.',
    see: 'rotation',
  },
  'refresh-user': {
    title: 'A refresh returns the user, if a login does',
    expected: 'user in the refresh answer too',
    why: 'A page load restores the session with this one call.',
    see: 'refresh',
  },
  'refresh-issued-at': {
    title: 'iat is the time at which this token was issued',
    expected: 'a later iat in the token of a later refresh',
    why: 'The client measures the lifetime from iat. A copied iat makes the token look older than it is.',
    see: 'the-access-token',
  },
  'refresh-no-cookie': {
    title: 'A refresh without a cookie is refused with 401',
    expected: '401 with a JSON body',
    why: 'It is how the client learns that nobody is signed in. It repeats a call that gets another answer.',
    see: 'refresh',
  },
  'refresh-unknown-cookie': {
    title: 'A refresh with an unknown token is refused with 401',
    expected: '401 with a JSON body',
    why: 'It ends the session in the browser. A 5xx would keep it, and would be repeated.',
    see: 'refresh',
  },
  'refresh-keeps-cookies': {
    title: 'A refused refresh sets and clears no cookie',
    expected: 'no Set-Cookie with a refusal',
    why: 'The refusal can arrive after a new login, and would then end the new session.',
    see: 'refresh',
  },
  'grace-race': {
    title: 'Two refreshes beside each other both get a session',
    expected: '2xx for both, and the session goes on',
    why: 'Two tabs, or a reload during a refresh, send the same cookie twice. Without a grace the user is signed out.',
    see: 'grace',
  },
  'grace-lost-answer': {
    title: 'A refresh can be repeated after a lost answer',
    expected: '2xx for the same cookie again, and the session goes on',
    why: 'In a tunnel the answer is lost after the server has rotated. Without a grace the user is signed out.',
    see: 'grace',
  },
  'reuse-superseded': {
    title: 'An old token ends the session as soon as its successor was used',
    expected: '401 for the old cookie, and from then on for the newest one too, also within the grace',
    why: 'Two parties hold the token. The server cannot tell which one is the thief, so it ends the session for both.',
    see: 'reuse-detection',
  },
  'reuse-after-grace': {
    title: 'An old token ends the session after the grace',
    expected: '401 for the old cookie, and from then on for the newest one too',
    why: 'A repeat that late is no lost answer. Somebody else may have the token.',
    see: 'reuse-detection',
  },
  logout: {
    title: 'A logout is confirmed',
    expected: '2xx, and no redirect',
    why: 'The client repeats a logout that was not confirmed.',
    see: 'logout',
  },
  'logout-ends-session': {
    title: 'After a logout the old cookie is refused',
    expected: '401 for a refresh with the cookie from before the logout',
    why: 'Somebody may have copied the cookie. Removing it from this browser does not stop the copy.',
    see: 'logout',
  },
  'logout-clears-cookies': {
    title: 'A logout clears the cookies that the login has set',
    expected: 'Set-Cookie with the same name and Path, and Max-Age=0 or an Expires in the past',
    why: 'With another Path the browser keeps the cookie.',
    see: 'logout',
  },
  'logout-again': {
    title: 'A logout can be repeated',
    expected: '2xx with a dead cookie, and without a cookie',
    why: 'The client repeats a logout whose answer was lost. An error would make it repeat for ever.',
    see: 'logout',
  },
  'logout-rotated-cookie': {
    title: 'A logout with a rotated cookie ends the session too',
    expected: '401 for the newest cookie after a logout with the one before',
    why: 'After a lost answer the browser still has the cookie from before the rotation.',
    see: 'logout',
  },
  origin: {
    title: 'A request from another origin is refused',
    expected: '403, or another 4xx, at login, refresh and logout, without any effect',
    why: 'The browser adds the cookie to every request. SameSite does not stop a sibling subdomain.',
    see: 'origin-check',
  },
  'origin-missing': {
    title: 'A request that does not say where it comes from is refused',
    expected: '403, or another 4xx, for a refresh without Origin and without Sec-Fetch-Site: same-origin',
    why: 'Every browser sends one of the two headers with a POST.',
    see: 'origin-check',
  },
  'origin-echo': {
    title: 'No other origin may read an answer',
    expected: 'Access-Control-Allow-Origin for the origins of your list alone, and never * with credentials',
    why: 'A server that returns every Origin that it was sent gives every site the tokens of your users.',
    see: 'cors',
  },
  api: {
    title: 'The API accepts the access token',
    expected: '2xx for Authorization: Bearer with the token of the login',
    why: 'The client adds this header to each request.',
    see: '401-and-403-from-the-api',
  },
  'api-no-token': {
    title: 'The API refuses a request without a token with 401',
    expected: '401 with WWW-Authenticate: Bearer',
    why: 'A redirect, a 403 or a 200 does not start a refresh.',
    see: '401-and-403-from-the-api',
  },
  'api-bad-token': {
    title: 'The API refuses a bad token with 401',
    expected: '401 with WWW-Authenticate: Bearer and error="invalid_token"',
    why: 'A 401 makes the client refresh once and repeat the request. A 403 goes to the app.',
    see: '401-and-403-from-the-api',
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
  },
  'cors-answers': {
    title: 'The page may read the answers',
    expected:
      'Access-Control-Allow-Origin with this origin, -Allow-Credentials: true at the auth endpoints, and Vary: Origin',
    why: 'Without them the browser hides the answer: the client sees a broken network.',
    see: 'cors',
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

/** Every point, in the order of the report. */
export const contractPoints: readonly ContractPoint[] = Object.entries(POINTS).map(([id, point]) => ({
  ...point,
  id: id as PointId,
  see: `docs/backend.md#${point.see}`,
}))
