import { Location } from '@angular/common'
import { DestroyRef, inject } from '@angular/core'
import { type CanActivateFn, Router } from '@angular/router'
import { auth } from './auth'
import { returnTo } from './return-to'

/** For pages that only users see. In an outage at the start the status is `unknown`: then the page waits. */
export const signedInOnly: CanActivateFn = async (_route, { url }) => {
  const router = inject(Router)
  const { status } = await auth.ready()
  return status !== 'anonymous' || router.createUrlTree(['/login'], { queryParams: { to: url } })
}

/** For the login page: takes a user who is signed in back to where they wanted to go. */
export const signedOutOnly: CanActivateFn = async ({ queryParamMap }) => {
  const router = inject(Router)
  const { status } = await auth.ready()
  return status !== 'authenticated' || router.parseUrl(returnTo(queryParamMap.get('to')))
}

/** For `provideAppInitializer`. Signed in or out, in this tab or in another one: the guards decide again. */
export function askAgain() {
  const router = inject(Router)
  const location = inject(Location)
  let status: typeof auth.session.status | undefined
  void auth.ready().then(() => {
    status = auth.session.status
  })
  const stop = auth.subscribe(() => {
    if (!status || status === auth.session.status) return
    status = auth.session.status
    router.navigateByUrl(location.path(true), { onSameUrlNavigation: 'reload', replaceUrl: true })
  })
  inject(DestroyRef).onDestroy(stop)
}
