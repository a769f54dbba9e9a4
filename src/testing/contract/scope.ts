import type { ContractMode } from './mode.ts'
import { isNamed, type PointId, type PointName } from './point.ts'

const IN_COOKIE = 'the refresh token is in a cookie'
const NO_COOKIE = 'no cookie has a token'
const NO_REFRESH_TOKEN = 'there is no refresh token'
const NOT_SENT = 'no cookie has a token, so a page of another origin has none to send'
const NOT_RENEWED = 'an access token does not renew itself'
const NO_USER_ENDPOINT = 'only cookie mode needs a user endpoint'

/** Why a point does not apply in a mode. Every other point applies. */
const REASONS: Readonly<Record<ContractMode, Readonly<Partial<Record<PointName, string>>>>> = {
  bearer: {
    'login-refresh-token': IN_COOKIE,
    sliding: NOT_RENEWED,
    csrf: 'a page of another origin cannot send the header with the access token',
    me: NO_USER_ENDPOINT,
  },
  cookie: {
    'login-refresh-token': IN_COOKIE,
    'refresh-issued-at': 'the client sees no access token, so it reads no iat',
    sliding: NOT_RENEWED,
  },
  body: {
    'login-body': 'the refresh token belongs in the body',
    cookie: NO_COOKIE,
    'refresh-keeps-cookies': NO_COOKIE,
    sliding: NOT_RENEWED,
    'logout-clears-cookies': NO_COOKIE,
    origin: NOT_SENT,
    csrf: NOT_SENT,
    me: NO_USER_ENDPOINT,
  },
  sliding: {
    'login-body': NO_REFRESH_TOKEN,
    'login-refresh-token': NO_REFRESH_TOKEN,
    cookie: NO_COOKIE,
    'refresh-keeps-cookies': NO_COOKIE,
    grace: NO_REFRESH_TOKEN,
    reuse: NO_REFRESH_TOKEN,
    'logout-clears-cookies': NO_COOKIE,
    'logout-rotated-token': NO_REFRESH_TOKEN,
    origin: NOT_SENT,
    csrf: NOT_SENT,
    me: NO_USER_ENDPOINT,
  },
}

/** Why the point does not apply in the mode; `undefined` if it does. */
export const whyNotIn = (mode: ContractMode, id: PointId): string | undefined =>
  Object.entries(REASONS[mode]).find(([name]) => isNamed(id, name))?.[1]
