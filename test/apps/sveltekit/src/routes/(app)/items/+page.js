import { auth } from '../../../lib/auth'

export async function load({ parent }) {
  await parent()
  return { items: await auth.api.get('/api/items').json() }
}
