import { callBackend } from '../../../lib/backend'

/** Called with `auth.fetch`, which sends the header. Do not make it from the cookie here: that would let every site in. */
export async function DELETE(request: Request, { params }: RouteContext<'/items/[id]'>) {
  const { id } = await params
  const { status } = await callBackend(`/api/items/${encodeURIComponent(id)}`, {
    method: 'DELETE',
    headers: { 'X-XSRF-TOKEN': request.headers.get('X-XSRF-TOKEN') ?? '' },
  })
  return new Response(null, { status })
}
