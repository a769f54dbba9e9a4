import { request as send } from 'node:http'
import { Readable } from 'node:stream'
import type { NextRequest } from 'next/server'

const backend = process.env.BACKEND_URL ?? 'http://127.0.0.1:4000'

export const config = { matcher: ['/auth/:path*', '/user/:path*', '/api/:path*'] }

/** Passes a request of the browser on to the backend as it came: `Host` is still the one of the page. */
export async function proxy(request: NextRequest): Promise<Response> {
  const { method, headers, signal, nextUrl } = request
  const body = Buffer.from(await request.arrayBuffer())
  return new Promise(resolve => {
    const options = { method, headers: Object.fromEntries(headers), signal }
    const passed = send(backend + nextUrl.pathname + nextUrl.search, options, answer => {
      const { statusCode: status = 502, headersDistinct } = answer
      const sent = new Headers()
      for (const [name, values = []] of Object.entries(headersDistinct)) {
        for (const value of values) sent.append(name, value)
      }
      const hasBody = status !== 204 && status !== 304
      // One class, which TypeScript declares twice: for browsers and for Node.
      const stream = Readable.toWeb(answer) as ReadableStream
      resolve(new Response(hasBody ? stream : null, { status, headers: sent }))
    })
    passed.on('error', () => resolve(new Response(null, { status: 502 })))
    passed.end(body)
  })
}
