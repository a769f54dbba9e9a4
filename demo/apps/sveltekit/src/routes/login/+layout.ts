import { redirect } from '@sveltejs/kit'
import { auth } from '../../lib/auth'
import { returnTo } from '../../lib/return-to'
import type { LayoutLoad } from './$types'

export const ssr = false

export const load: LayoutLoad = async ({ url }) => {
  const { status } = await auth.ready()
  if (status === 'authenticated') redirect(307, returnTo(url.searchParams.get('to')))
}
