import { auth } from '../../../lib/auth'
import type { PageLoad } from './$types'

interface Item {
  id: string
  title: string
}

export const load: PageLoad = async ({ parent }) => {
  // The guard of the layout would run beside this `load`.
  await parent()
  return { items: await auth.api.get('/api/items').json<Item[]>() }
}
