import type { ServerContext } from './http.ts'

export class BodyTooLarge extends Error {
  override name = 'BodyTooLarge'
}

/** The bytes of the body, read to the limit and no further. (Hono's `bodyLimit` needs changed globals.) */
export const readBody = async (c: ServerContext, limit: number): Promise<Uint8Array<ArrayBuffer>> => {
  if (Number(c.req.header('Content-Length') ?? 0) > limit) throw new BodyTooLarge()
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of c.req.raw.body ?? []) {
    size += chunk.length
    if (size > limit) throw new BodyTooLarge()
    chunks.push(chunk)
  }
  return new Uint8Array(Buffer.concat(chunks))
}

const JSON_LIMIT = 16 * 1024

/** The body as a JSON object, or null for any other body. */
export const readJsonObject = async (c: ServerContext): Promise<Record<string, unknown> | null> => {
  const bytes = await readBody(c, JSON_LIMIT)
  try {
    const body: unknown = JSON.parse(new TextDecoder().decode(bytes))
    return typeof body === 'object' && body !== null && !Array.isArray(body)
      ? (body as Record<string, unknown>)
      : null
  } catch {
    return null
  }
}
