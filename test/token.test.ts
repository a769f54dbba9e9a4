import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { isAuthError } from '../src/kernel/errors.ts'
import { type Arrival, parseToken, type Token } from '../src/kernel/token.ts'

const HOUR = 3_600_000
const TEN_YEARS = 10 * 365 * 24 * HOUR
const NOW = Date.UTC(2026, 0, 5, 9)

const part = (json: string): string => Buffer.from(json).toString('base64url')
/** The claims as raw JSON, so that `1e400` stays what it is. */
const jwt = (claims: string): string => `${part('{"alg":"none"}')}.${part(claims)}.x`
const arrival = (wall = NOW, more: Partial<Arrival> = {}): Arrival => ({
  sentAt: { wall, monotonic: 1000 },
  ...more,
})

/** What parseToken says, or the code that it throws; anything but an AuthError fails. */
function parse(set: object, at: Arrival = arrival()) {
  try {
    return parseToken(set, at)
  } catch (error) {
    if (isAuthError(error)) return error.code
    throw error
  }
}
/** A server that counts in whole seconds may have issued a token almost one later than it says. */
const unrounded = (ms: number): number => (ms < 10_000 ? ms : ms - 1_000)
const lifetimeOf = (set: object, at?: Arrival): number | null => (parse(set, at) as Token).lifetime

const seconds = fc.integer({ min: 1, max: 1_000_000 })
const epochSeconds = fc.integer({ min: 1_500_000_000, max: 2_000_000_000 })
const wall = epochSeconds.map(at => at * 1000)
const anything = fc.anything({
  withBigInt: true,
  withDate: true,
  withSparseArray: true,
  withNullPrototype: true,
})
const tokenText = fc.oneof(
  fc.string({ minLength: 1 }),
  fc.jsonValue().map(value => jwt(JSON.stringify(value))),
  fc.string().map(payload => `a.${payload}.c`),
)
const rawNumber = fc.oneof(
  fc.double().filter(Number.isFinite).map(String),
  fc.constantFrom(
    '0',
    '-1',
    '1e400',
    '-1e400',
    '"3600"',
    '""',
    '"soon"',
    '1767603600000',
    'null',
    '[]',
    '{}',
    'true',
  ),
  epochSeconds.map(String),
)

describe('T1 a lifetime that the answer states does not depend on the clock', () => {
  test('expires_in', () => {
    fc.assert(
      fc.property(seconds, wall, (expiresIn, wall) => {
        expect(lifetimeOf({ accessToken: 'opaque', expiresIn }, arrival(wall))).toBe(expiresIn * 1000)
      }),
    )
  })

  test('exp and iat', () => {
    fc.assert(
      fc.property(seconds, epochSeconds, wall, (life, iat, wall) => {
        const accessToken = jwt(JSON.stringify({ iat, exp: iat + life }))
        expect(lifetimeOf({ accessToken }, arrival(wall))).toBe(unrounded(life * 1000))
      }),
    )
  })

  test('exp and a Date header', () => {
    fc.assert(
      fc.property(seconds, epochSeconds, wall, (life, serverNow, wall) => {
        const accessToken = jwt(JSON.stringify({ exp: serverNow + life }))
        expect(lifetimeOf({ accessToken }, arrival(wall, { serverDate: serverNow * 1000 }))).toBe(
          unrounded(life * 1000),
        )
      }),
    )
  })

  test('N1 the shortest of expires_in, exp − iat and exp − Date; where none can be had, exp − clock', () => {
    const now = NOW / 1000
    const both = jwt(JSON.stringify({ iat: now - 100, exp: now + 200 }))
    const alone = jwt(JSON.stringify({ exp: now + 200 }))
    const dated = arrival(NOW, { serverDate: NOW - 50_000 })
    expect(lifetimeOf({ accessToken: both, expiresIn: 60 }, dated)).toBe(60_000)
    expect(lifetimeOf({ accessToken: both }, dated)).toBe(249_000)
    expect(lifetimeOf({ accessToken: both })).toBe(299_000)
    expect(lifetimeOf({ accessToken: alone }, dated)).toBe(249_000)
    expect(lifetimeOf({ accessToken: alone }, arrival(NOW))).toBe(200_000)
    expect(lifetimeOf({ accessToken: jwt('{}') }, dated)).toBeNull()
  })
})

describe('N1 a lifetime is never longer than the token lives', () => {
  const token = (life: number, more: object = {}) =>
    jwt(JSON.stringify({ iat: NOW / 1000, exp: NOW / 1000 + life, ...more }))

  test.each([
    ['states milliseconds', { expiresIn: 60_000 }],
    ["states the session's length", { expiresIn: 7 * 24 * 3600 }],
    ["states the session's end", { expiresAt: NOW + 7 * 24 * HOUR }],
    ['states both', { expiresIn: '604800', expiresAt: NOW + 7 * 24 * HOUR }],
    ['states nothing', {}],
  ])('where the answer %s', (_, stated) => {
    expect(lifetimeOf({ accessToken: token(60), ...stated })).toBe(59_000)
    expect(
      lifetimeOf({ accessToken: token(60), ...stated }, arrival(NOW, { adopted: true })),
    ).toBeLessThanOrEqual(60_000)
  })

  test('without iat and Date the clock has its say where the two are far apart', () => {
    const accessToken = jwt(JSON.stringify({ exp: NOW / 1000 + 60 }))
    expect(lifetimeOf({ accessToken, expiresIn: 60_000 })).toBe(60_000)
    for (const skew of [10_000, -10_000, HOUR, -HOUR])
      expect(lifetimeOf({ accessToken, expiresIn: 60 }, arrival(NOW + skew))).toBe(60_000)
  })

  test('one that the app hands in may be old already', () => {
    const accessToken = jwt(JSON.stringify({ iat: NOW / 1000 - 3000, exp: NOW / 1000 + 600 }))
    expect(lifetimeOf({ accessToken, expiresIn: 3600 }, arrival(NOW, { adopted: true }))).toBe(600_000)
  })

  test('whichever is shorter: expires_in may end before exp', () => {
    fc.assert(
      fc.property(seconds, seconds, (expiresIn, life) => {
        expect(lifetimeOf({ accessToken: token(life), expiresIn })).toBe(
          Math.min(expiresIn * 1000, unrounded(life * 1000)),
        )
      }),
    )
  })

  test('the second lost to rounding is taken off lifetimes of 10 s and more, and off no exact ones', () => {
    expect([9, 10, 11].map(life => lifetimeOf({ accessToken: token(life) }))).toEqual([9_000, 9_000, 10_000])
    const exact = jwt(JSON.stringify({ iat: NOW / 1000 + 0.25, exp: NOW / 1000 + 60.25 }))
    expect(lifetimeOf({ accessToken: exact })).toBe(60_000)
  })

  test('a second end that makes no sense counts for nothing', () => {
    for (const expiresIn of [0, -1, 'soon', null])
      expect(lifetimeOf({ accessToken: token(60), expiresIn })).toBe(59_000)
    expect(lifetimeOf({ accessToken: token(60), expiresAt: 0 })).toBe(59_000)
    expect(lifetimeOf({ accessToken: token(-60), expiresIn: 60 })).toBe(60_000)
  })
})

describe('T6 a lifetime is unknown or a sensible span, whatever the token says', () => {
  const claims = fc.record({ exp: rawNumber, iat: rawNumber, nbf: rawNumber }, { requiredKeys: [] })
  const raw = (fields: object) =>
    `{${Object.entries(fields)
      .map(([name, value]) => `"${name}":${value}`)
      .join()}}`

  test('from an answer: more than nothing, at most ten years', () => {
    fc.assert(
      fc.property(
        claims,
        fc.oneof(
          anything,
          rawNumber.map(json => JSON.parse(json)),
        ),
        (fields, expiresIn) => {
          const lifetime = lifetimeOf({ accessToken: jwt(raw(fields)), expiresIn })
          if (lifetime === null) return
          expect(lifetime).toBeGreaterThan(0)
          expect(lifetime).toBeLessThanOrEqual(TEN_YEARS)
        },
      ),
      { numRuns: 1000 },
    )
  })

  test('from the app: never negative, and never past an end that it states', () => {
    fc.assert(
      fc.property(claims, fc.option(wall, { nil: undefined }), wall, (fields, expiresAt, now) => {
        const set = { accessToken: jwt(raw(fields)), expiresAt }
        const lifetime = lifetimeOf(set, arrival(now, { adopted: true }))
        if (lifetime === null) return
        expect(lifetime).toBeGreaterThanOrEqual(0)
        expect(lifetime).toBeLessThanOrEqual(TEN_YEARS)
        if (expiresAt !== undefined) expect(lifetime).toBeLessThanOrEqual(Math.max(0, expiresAt - now))
      }),
      { numRuns: 1000 },
    )
  })

  test.each([
    ['{"exp":"1767607200","iat":"1767603600"}', HOUR - 1_000],
    ['{"exp":1767607200000,"iat":1767603600000}', HOUR - 1_000],
    ['{"exp":1767607200000,"iat":1767603600}', HOUR - 1_000],
    ['{"exp":1767607200.5,"iat":1767603600.5}', HOUR],
    ['{"exp":4923277200,"iat":1767603600}', TEN_YEARS],
    ['{"exp":1767603600,"iat":1767607200}', null],
    ['{"exp":1767603600,"iat":1767603600}', null],
    ['{"exp":0,"iat":0}', null],
    ['{"exp":-1}', null],
    ['{"exp":1e400,"iat":1767603600}', null],
    ['{"exp":"","iat":1767603600}', null],
    ['{"exp":null,"iat":1767603600}', null],
    ['{"exp":true,"iat":1767603600}', null],
    ['{"exp":[1767607200],"iat":1767603600}', null],
    ['{"iat":1767603600}', null],
  ])('%s', (claims, lifetime) => {
    expect(lifetimeOf({ accessToken: jwt(claims) })).toBe(lifetime)
  })

  test.each([
    [3600, HOUR],
    ['3600', HOUR],
    ['3600.5', HOUR + 500],
    [1e300, TEN_YEARS],
    [0, null],
    [-1, null],
    [Number.NaN, null],
    [Number.POSITIVE_INFINITY, null],
    ['', null],
    ['soon', null],
    [null, null],
    [[3600], null],
    [true, null],
  ])('expiresIn %j', (expiresIn, lifetime) => {
    expect(lifetimeOf({ accessToken: 'opaque', expiresIn })).toBe(lifetime)
  })
})

describe('T7 a life begins when the request left', () => {
  test('on both clocks', () => {
    const at = arrival(NOW - 2 * HOUR)
    expect(parse({ accessToken: 'opaque', expiresIn: 3600 }, at)).toMatchObject({ since: at.sentAt })
  })
})

describe('F12 a token set is read for what it says', () => {
  test('any set is read or refused with malformed_response; nothing else is thrown', () => {
    const set = fc.record(
      {
        accessToken: fc.oneof({ weight: 3, arbitrary: tokenText }, { weight: 1, arbitrary: anything }),
        refreshToken: fc.oneof(fc.string(), anything),
        expiresIn: anything,
        expiresAt: anything,
        user: anything,
      },
      { requiredKeys: [] },
    )
    fc.assert(
      fc.property(set, fc.boolean(), (set, adopted) => {
        const token = parse(set, arrival(NOW, { adopted }))
        if (token === 'malformed_response') return
        expect(token).toMatchObject({
          accessToken: set.accessToken,
          refreshToken: set.refreshToken ?? undefined,
        })
        expect((token as Token).user).toBe(set.user ?? undefined)
      }),
      { numRuns: 1000 },
    )
  })

  test('claims are an object or null, for any payload', () => {
    fc.assert(
      fc.property(fc.oneof(fc.json(), fc.string()), payload => {
        const { claims, identity } = parse({ accessToken: jwt(payload) }) as Token
        expect(claims === null || (typeof claims === 'object' && !Array.isArray(claims))).toBe(true)
        if (claims === null) expect(identity).toBeNull()
      }),
      { numRuns: 500 },
    )
  })

  test('identity is iss and sub, and no two pairs are the same', () => {
    const name = fc.string({ maxLength: 3 })
    const identity = (iss: string | undefined, sub: string) =>
      (parse({ accessToken: jwt(JSON.stringify({ iss, sub })) }) as Token).identity
    fc.assert(
      fc.property(
        fc.option(name, { nil: undefined }),
        name,
        fc.option(name, { nil: undefined }),
        name,
        (i, s, j, t) => {
          expect(identity(i, s) === identity(j, t)).toBe(i === j && s === t)
        },
      ),
    )
  })

  test.each(['{}', '{"sub":null}', '{"sub":true}', '{"sub":["ada"]}', '{"__proto__":{"sub":"ada"}}'])(
    'claims %s speak for nobody',
    claims => {
      expect(parse({ accessToken: jwt(claims) })).toMatchObject({ identity: null })
    },
  )
})

describe('F13 a token is visible ASCII, at most 65,536 characters', () => {
  test('what is accepted can be sent as a header, unchanged', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', minLength: 1 }), accessToken => {
        const usable = /^[!-~]+$/.test(accessToken)
        expect(parse({ accessToken })).toEqual(
          usable ? expect.objectContaining({ accessToken }) : 'malformed_response',
        )
        if (usable) expect(new Headers({ a: `Bearer ${accessToken}` }).get('a')).toBe(`Bearer ${accessToken}`)
      }),
      { numRuns: 300 },
    )
  })

  const unusable: [name: string, token: string][] = [
    ['nothing', ''],
    ['a newline', 'a\nb'],
    ['a newline at its end', 'a\n'],
    ['a NUL', 'a\0b'],
    ['a space', 'a b'],
    ['DEL', 'a\x7f'],
    ['Latin-1', 'é'],
    ['more than Latin-1', 'ш'],
    ['a lone surrogate', '\ud800'],
    ['65,537 characters', 'a'.repeat(65_537)],
  ]
  test.each(unusable)('%s is refused as either token', (_, token) => {
    expect(parse({ accessToken: token })).toBe('malformed_response')
    expect(parse({ accessToken: 'fine', refreshToken: token })).toBe('malformed_response')
  })

  test('65,536 characters are accepted', () => {
    const accessToken = 'a'.repeat(65_536)
    expect(parse({ accessToken, refreshToken: accessToken })).toMatchObject({ accessToken })
  })

  test('S1 none stays behind as what a regular expression has matched last', () => {
    expect(parse({ accessToken: 'an-access-token', refreshToken: 'a-refresh-token' })).toBeTypeOf('object')
    expect(Reflect.get(RegExp, '$_')).toBe('-')
  })

  test.each([
    ['a JWT', jwt('{"sub":"ada"}')],
    ['an opaque one in parts that look like one', 'ya29.a0AfB-secret_part'],
  ])('S1 nor does what was read of it: %s', (_, accessToken) => {
    expect(parse({ accessToken })).toBeTypeOf('object')
    expect(Reflect.get(RegExp, '$_')).toBe('-')
  })
})
