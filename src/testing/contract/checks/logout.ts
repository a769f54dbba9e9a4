import type { Backend } from '../backend.ts'
import { copyHeld, createHeld } from '../held.ts'
import type { Judge } from '../judge.ts'
import { hintOfPath, tell } from '../telling.ts'
import { isOk } from '../tokens.ts'
import { isRefused } from './refresh.ts'

export async function checkLogout(backend: Backend, judge: Judge): Promise<void> {
  const { held, login, refresh } = await backend.visit()
  const { jar } = held
  const old = copyHeld(held)
  const logout = await backend.ask('logout', { held })
  judge('logout', !isOk(logout) && `${tell(logout)}${hintOfPath(backend.settings, logout, 'logout')}`)
  const left = login.cookies.find(({ name, isCleared }) => !isCleared && jar.value(name) !== undefined)
  const cleared = logout.cookies.find(({ name }) => name === left?.name)
  judge(
    'logout-clears-cookies',
    left &&
      (cleared ? `Set-Cookie: ${cleared.shown}, set with Path=${left.path}` : `nothing about ${left.name}`),
  )
  const late = await refresh({ held: copyHeld(old) })
  judge('logout-ends-session', !isRefused(late) && `${tell(late)} for a refresh with the token from before`)
  for (const [how, given] of [
    ['with a dead token', backend.carrier.expired(old)],
    ['without a token', createHeld()],
  ] as const) {
    const again = await backend.ask('logout', { held: given })
    judge('logout-again', !isOk(again) && `${tell(again)} ${how}`)
  }
}

/** The browser has lost the answer of its last refresh, and logs out with the token of before. */
export async function checkRotatedLogout(backend: Backend, judge: Judge): Promise<void> {
  const { held, refresh } = await backend.visit()
  const old = backend.carrier.expired(held)
  await refresh()
  await backend.ask('logout', { held: old })
  const late = await refresh()
  judge('logout-rotated-token', !isRefused(late) && `${tell(late)} for the newest token`)
}
