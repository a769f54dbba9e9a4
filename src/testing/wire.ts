/** An answer. In happy-dom and jsdom `Response` may be another than the one that MSW knows: what looks like one is one. */
export const isResponse = (value: any): value is Response =>
  typeof value?.status === 'number' && typeof value.headers?.get === 'function'

export const json = (body: unknown, status = 200, headers: Record<string, string> = {}): Response =>
  new Response(JSON.stringify(body ?? null), {
    status,
    headers: { 'Content-Type': 'application/json', ...headers },
  })

/** JSON or a form, parsed; else the text; `undefined` when empty. */
export function readBody(text: string, contentType: string | null): any {
  if (contentType?.startsWith('application/x-www-form-urlencoded')) {
    return Object.fromEntries(new URLSearchParams(text))
  }
  try {
    return JSON.parse(text)
  } catch {
    return text || undefined
  }
}

/** One that the request brought along itself, as happens outside of browsers. */
export function readCookie(headers: Headers, name: string): string | undefined {
  const pairs = (headers.get('Cookie') ?? '').split(/; */).map(pair => pair.split('='))
  return pairs.find(([key]) => key === name)?.[1]
}

/** Has the body all of these fields, with these values? */
export const carries = (body: any, fields: Record<string, unknown>): boolean =>
  Object.entries(fields).every(([name, value]) => body?.[name] === value)

/** happy-dom and XMLHttpRequest look at these as a browser does. */
function corsHeaders(request: Request): Record<string, string> {
  const origin = typeof location === 'undefined' ? '*' : location.origin
  return {
    'Access-Control-Allow-Origin': request.headers.get('Origin') ?? origin,
    'Access-Control-Allow-Credentials': 'true',
    'Access-Control-Expose-Headers': 'Date, DPoP-Nonce, Retry-After, WWW-Authenticate',
  }
}

export function withCors(request: Request, response: Response): Response {
  if (response.type === 'error') return response
  const missing = Object.entries(corsHeaders(request)).filter(([name]) => !response.headers.has(name))
  try {
    for (const [name, value] of missing) response.headers.set(name, value)
    return response
  } catch {
    // The headers of a native response, such as that of Response.redirect(), cannot be changed.
    const headers = [...response.headers, ...missing]
    return new Response(response.body, { status: response.status, statusText: response.statusText, headers })
  }
}

export const preflight = (request: Request): Response =>
  new Response(null, {
    status: 204,
    headers: {
      ...corsHeaders(request),
      'Access-Control-Allow-Methods': 'GET, HEAD, POST, PUT, PATCH, DELETE, QUERY',
      'Access-Control-Allow-Headers':
        request.headers.get('Access-Control-Request-Headers') ?? 'Authorization, Content-Type',
    },
  })
