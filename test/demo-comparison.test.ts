import { describe, expect, test } from 'vitest'
import type { Result, Results } from '../demo/app/break/experiments.ts'
import { gainsOf, summaryOf, winnersOf } from '../demo/app/break/verdicts.ts'

// What the demo's comparison says of its figures.

const result = (signedOut: number, failed: number, refreshes: number): Result => ({
  ...{ signedOut, failed, refreshes, requests: 0 },
})
const results = (ours: Result, ky: Result, axios: Result): Results => ({ 'silent-refresh': ours, ky, axios })

describe('the best client', () => {
  test.each([
    ['signed out fewer tabs, whatever it cost', results(result(0, 9, 9), result(1, 0, 1), result(1, 0, 1))],
    ['then failed fewer calls', results(result(0, 0, 9), result(0, 1, 1), result(0, 2, 1))],
    ['then refreshed less often', results(result(0, 0, 1), result(0, 0, 2), result(0, 0, 3))],
  ])('%s', (_, all) => {
    expect(winnersOf(all)).toEqual(['silent-refresh'])
  })

  test('can be another one, or two of them', () => {
    expect(winnersOf(results(result(0, 0, 2), result(0, 0, 1), result(0, 0, 3)))).toEqual(['ky'])
    expect(winnersOf(results(result(0, 0, 1), result(0, 0, 1), result(0, 0, 3)))).toEqual([
      'silent-refresh',
      'ky',
    ])
  })

  test('is nobody where all did the same', () => {
    expect(winnersOf(results(result(1, 2, 2), result(1, 2, 2), result(1, 2, 2)))).toEqual([])
  })
})

test('a gain is told only where it is one over both others', () => {
  expect(gainsOf(results(result(0, 0, 1), result(3, 20, 3), result(0, 27, 3)), 30)).toBe(
    '0 of 30 calls failed, against 20 and 27. 1 refresh, against 3 and 3.',
  )
  expect(gainsOf(results(result(0, 0, 1), result(0, 0, 1), result(0, 0, 3)), 30)).toBe('')
})

test('the summary counts wins, refreshes, and the calls that could have succeeded', () => {
  const won = results(result(0, 18, 5), result(0, 18, 18), result(0, 20, 18))
  const level = results(result(1, 2, 2), result(1, 2, 2), result(1, 2, 2))
  const lost = results(result(0, 0, 2), result(0, 0, 1), result(0, 0, 2))
  expect(
    summaryOf([
      { results: won, unavoidable: { failed: 18 } },
      { results: level, unavoidable: { failed: 2 } },
      { results: lost, unavoidable: { failed: 0 } },
    ]),
  ).toBe(
    'silent-refresh did best in 1 of 3 situations; in 1 all did the same; in 1 another did better. ' +
      'Refreshes: silent-refresh 9, ky, by hand 21, axios-auth-refresh 22. ' +
      'Calls that failed and could have succeeded: silent-refresh 0, ky, by hand 0, axios-auth-refresh 2.',
  )
})
