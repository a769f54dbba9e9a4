import type { PointTexts } from '../point.ts'

const SLIDING = 'backend-modes.md#sliding-mode'

/** Refreshes and logouts: how sessions go on and end. */
export const SESSION: PointTexts<'refresh' | 'sliding' | 'grace' | 'reuse' | 'logout'> = {
  refresh: {
    title: 'A refresh with the cookie alone returns a new access token',
    expected: '2xx with the fields of the login answer',
    why: 'The client sends no more than the cookie, after a page load for example.',
    see: 'refresh',
    in: {
      cookie: {
        title: 'A refresh without the access cookie sets a new one',
        expected: '2xx with a new access cookie, for the refresh cookie and the CSRF value',
        why: 'The browser removes the access cookie when it expires.',
        see: 'backend-modes.md#cookie-mode',
      },
      body: {
        title: 'A refresh with the refresh token in the body returns a new access token',
        why: 'The client sends {"refresh_token":"…"} and nothing else.',
        see: 'backend-modes.md#body-mode',
      },
      sliding: {
        title: 'A refresh with a good access token returns the next one',
        why: 'The client sends Authorization: Bearer with the token, and no body.',
        see: SLIDING,
      },
    },
  },
  'refresh-rotation': {
    title: 'Each refresh sets a new refresh cookie',
    expected: 'Set-Cookie with another value',
    why: 'A token that is used once shows a theft: two parties then come with the same one.',
    see: 'rotation',
    in: {
      body: {
        title: 'Each refresh returns a new refresh token',
        expected: 'another refresh_token in the body',
      },
      sliding: {
        title: 'Each refresh returns another access token',
        expected: 'another access_token in the body',
        why: 'The client takes the same token for one that was not renewed.',
        see: SLIDING,
      },
    },
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
  'refresh-no-token': {
    title: 'A refresh without a token is refused with 401',
    expected: '401 with a JSON body',
    why: 'It is how the client learns that nobody is signed in. It repeats a call that gets another answer.',
    see: 'refresh',
    in: {
      cookie: { title: 'A refresh without a token is refused', expected: '401 or 403 with a JSON body' },
    },
  },
  'refresh-unknown-token': {
    title: 'A refresh with an unknown token is refused with 401',
    expected: '401 with a JSON body',
    why: 'It ends the session in the browser. A 5xx would keep it, and would be repeated.',
    see: 'refresh',
    in: {
      cookie: {
        title: 'A refresh with an unknown token is refused',
        expected: '401 or 403 with a JSON body',
      },
    },
  },
  'refresh-keeps-cookies': {
    title: 'A refused refresh sets and clears no cookie',
    expected: 'no Set-Cookie with a refusal',
    why: 'The refusal can arrive after a new login, and would then end the new session.',
    see: 'refresh',
  },
  'sliding-old-token': {
    title: 'A token that was renewed is denied',
    expected: '401 for a refresh with the old token, and no 2xx from the API',
    why: 'Otherwise each copy of a token opens a session of its own.',
    see: SLIDING,
  },
  'sliding-race': {
    title: 'Of two refreshes with one token, one gets the next token',
    expected: '2xx for one and 401 for the other, and the session goes on',
    why: 'Two parties would go on with two sessions. If both are refused, the user is signed out.',
    see: SLIDING,
  },
  'sliding-expired-token': {
    title: 'An expired token is not renewed',
    expected: '401 for a refresh once expires_in is over',
    why: 'A token that somebody found in an old backup would open the session again.',
    see: SLIDING,
  },
  'grace-race': {
    title: 'Two refreshes beside each other both get a session',
    expected: '2xx for both, and the session goes on',
    why: 'Two tabs, or a reload during a refresh, send the same token twice. Without a grace the user is signed out.',
    see: 'grace',
  },
  'grace-lost-answer': {
    title: 'A refresh can be repeated after a lost answer',
    expected: '2xx for the same token again, and the session goes on',
    why: 'In a tunnel the answer is lost after the server has rotated. Without a grace the user is signed out.',
    see: 'grace',
  },
  'reuse-superseded': {
    title: 'An old token ends the session as soon as its successor was used',
    expected: '401 for the old token, and from then on for the newest one too, also within the grace',
    why: 'Two parties hold the token. The server cannot tell which one is the thief, so it ends the session for both.',
    see: 'reuse-detection',
  },
  'reuse-after-grace': {
    title: 'An old token ends the session after the grace',
    expected: '401 for the old token, and from then on for the newest one too',
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
    title: 'After a logout the old token is refused',
    expected: '401 for a refresh with the token from before the logout',
    why: 'Somebody may have copied the token. Removing it from this browser does not stop the copy.',
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
    expected: '2xx with a dead token, and without a token',
    why: 'The client repeats a logout whose answer was lost. An error would make it repeat for ever.',
    see: 'logout',
  },
  'logout-rotated-token': {
    title: 'A logout with a rotated refresh token ends the session too',
    expected: '401 for the newest token after a logout with the one before',
    why: 'After a lost answer the browser still has the token from before the rotation.',
    see: 'logout',
  },
}
