import type { Backend } from '../backend.ts'
import type { Judge } from '../judge.ts'
import { hintOfPath, tell } from '../telling.ts'
import { isOk } from '../tokens.ts'
import { isRefused } from './refresh.ts'

export async function checkLogout(backend: Backend, judge: Judge): Promise<void> {
  const { jar, login, tokens, refresh } = await backend.visit()
  const old = jar.copy()
  const logout = await backend.ask('logout', { jar, token: tokens.accessToken })
  judge('logout', !isOk(logout) && `${tell(logout)}${hintOfPath(logout, 'logout')}`)
  const left = login.cookies.find(({ name, isCleared }) => !isCleared && jar.value(name) !== undefined)
  const cleared = logout.cookies.find(({ name }) => name === left?.name)
  judge(
    'logout-clears-cookies',
    left &&
      (cleared ? `Set-Cookie: ${cleared.shown}, set with Path=${left.path}` : `nothing about ${left.name}`),
  )
  const late = await refresh({ jar: old.copy() })
  judge('logout-ends-session', !isRefused(late) && `${tell(late)} for a refresh with the cookie from before`)
  for (const [how, given] of [
    ['with a dead cookie', { jar: old }],
    ['without a cookie', {}],
  ] as const) {
    const again = await backend.ask('logout', given)
    judge('logout-again', !isOk(again) && `${tell(again)} ${how}`)
  }
}

/** The browser has lost the answer of its last refresh, and logs out with the cookie of before. */
export async function checkRotatedLogout(backend: Backend, judge: Judge): Promise<void> {
  const { jar, refresh } = await backend.visit()
  const old = jar.copy()
  await refresh()
  await backend.ask('logout', { jar: old })
  const late = await refresh()
  judge('logout-rotated-cookie', !isRefused(late) && `${tell(late)} for the newest cookie`)
}
