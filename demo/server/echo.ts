import { createHash } from 'node:crypto'
import { readBody } from './body.ts'
import type { ServerContext } from './http.ts'

const BODY_LIMIT = 16 * 1024 * 1024

const digest = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')

const REDACTED: Record<string, (value: string) => string> = {
  // Only a request with a good token gets here, and with a good proof where one is demanded.
  authorization: value => `${value.split(' ')[0]} [valid]`,
  dpop: () => '[valid]',
  'x-xsrf-token': () => '[valid]',
  cookie: value => value.replace(/=[^;]*/g, '=[redacted]'),
}

const readMultipart = async (bytes: Uint8Array<ArrayBuffer>, type: string) => {
  const form = await new Response(bytes, { headers: { 'Content-Type': type } }).formData().catch(() => null)
  if (!form) return null
  const fields: { name: string; value: string }[] = []
  const files: { name: string; filename: string; type: string; size: number; sha256: string }[] = []
  for (const [name, value] of form) {
    if (typeof value === 'string') fields.push({ name, value })
    else {
      const content = new Uint8Array(await value.arrayBuffer())
      files.push({
        name,
        filename: value.name,
        type: value.type,
        size: content.length,
        sha256: digest(content),
      })
    }
  }
  return { fields, files }
}

/** Tells what arrived, so that a page or a test can see what was really sent. */
export const echo = async (c: ServerContext): Promise<Response> => {
  const bytes = await readBody(c, BODY_LIMIT)
  const type = c.req.header('Content-Type') ?? ''
  const headers = Object.fromEntries(
    Object.entries(c.req.header()).map(([name, value]) => [name, REDACTED[name]?.(value) ?? value]),
  )
  const multipart = /^multipart\/form-data/i.test(type) ? await readMultipart(bytes, type) : null
  return c.json({
    method: c.req.method,
    path: c.req.path,
    headers,
    body: {
      size: bytes.length,
      sha256: digest(bytes),
      text: new TextDecoder().decode(bytes),
      base64: Buffer.from(bytes).toString('base64'),
      ...(multipart && { multipart }),
    },
  })
}
