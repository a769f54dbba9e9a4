import type { PointTexts } from '../point.ts'

/** Logins, and the cookies that they set. */
export const SIGN_IN: PointTexts<'login' | 'cookie'> = {
  login: {
    title: 'A login returns an access token that the client finds',
    expected: '2xx with JSON: access_token (or accessToken, token), and token_type Bearer if there is a type',
    why: 'The client reads these fields by default. Another form needs the option readTokens.',
    see: 'login',
    in: {
      cookie: {
        title: 'A login sets a cookie with the access token',
        expected:
          '2xx with one Set-Cookie for the access token, and JSON with expires_in or user, or no body',
        why: 'The browser sends this cookie to the API. A body without any field of a login signs nobody in.',
        see: 'backend-modes.md#cookie-mode',
      },
    },
  },
  'login-body': {
    title: 'The refresh token is not in the body',
    expected: 'the refresh token in its cookie alone',
    why: 'Every script of the page can read the body, an injected one too.',
    see: 'login',
    in: {
      cookie: {
        title: 'No token is in the body',
        expected: 'both tokens in their cookies alone',
        see: 'backend-modes.md#cookie-mode',
      },
    },
  },
  'login-refresh-token': {
    title: 'A login returns the refresh token',
    expected: 'refresh_token (or refreshToken) in the body',
    why: 'The client sends it with the next refresh. Without it the session ends with its access token.',
    see: 'backend-modes.md#body-mode',
  },
  'login-expires-in': {
    title: 'expires_in is how long the token is valid',
    expected: 'expires_in in seconds, the same as exp - iat of a JWT',
    why: 'The client refreshes before that time. A wrong number costs a failed request or a refresh too many.',
    see: 'login',
    in: {
      sliding: {
        why: 'The client refreshes before that time. Nothing renews an expired token: the user is signed out.',
      },
    },
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
    in: { cookie: { title: 'JavaScript cannot read the cookies with the tokens' } },
  },
  'cookie-same-site': {
    title: 'Other sites cannot have the refresh cookie sent',
    expected: 'SameSite=Strict',
    why: 'Without it another site can refresh and log out in the name of your user.',
    see: 'cookies',
    in: {
      cookie: {
        title: 'Other sites cannot have the cookies with the tokens sent',
        expected: 'SameSite=Strict. The access cookie may have Lax',
        why: 'Without it another site can send requests in the name of your user.',
      },
    },
  },
  'cookie-path': {
    title: 'The refresh cookie goes to the auth endpoints and nowhere else',
    expected:
      'a Path above refresh and logout and not above the API, or Path=/ with a name that begins __Host-',
    why: 'A narrow path keeps the token out of most requests. One that is too narrow keeps it from the logout.',
    see: 'cookies',
    in: {
      cookie: {
        title: 'Each cookie goes where it is needed',
        expected:
          'the access cookie above API and user endpoint. The refresh cookie above refresh and logout and not above the API, or Path=/ with a name that begins __Host-',
      },
    },
  },
  'cookie-secure': {
    title: 'The refresh cookie is sent over https only',
    expected: 'Secure; it may be missing over http on a loopback address such as 127.0.0.1',
    why: 'Over plain http everybody on the line can read it. Browsers refuse __Host- and __Secure- names without it.',
    see: 'cookies',
    in: { cookie: { title: 'The cookies with the tokens are sent over https only' } },
  },
  'cookie-max-age': {
    title: 'The refresh cookie outlives the browser window',
    expected: 'Max-Age, or Expires, and at least an hour',
    why: 'Without one the session ends when the browser is closed.',
    see: 'cookies',
  },
  'cookie-domain': {
    title: 'The refresh cookie belongs to one host',
    expected: 'no Domain',
    why: 'With Domain every subdomain gets the refresh token.',
    see: 'cookies',
    in: {
      cookie: {
        title: 'The cookies with the tokens belong to one host',
        why: 'With Domain every subdomain gets the tokens.',
      },
    },
  },
}
