import { Agent, request } from 'node:http'

const agent = new Agent({ keepAlive: true })

/** `fetch` over node:http: the platform's own sets timers through the globals that are replaced here. */
export async function send(given: Request): Promise<Response> {
  const body = given.body ? Buffer.from(await given.arrayBuffer()) : null
  const headers = Object.fromEntries(given.headers)
  return new Promise((resolve, reject) => {
    const sent = request(given.url, { agent, method: given.method, headers }, async incoming => {
      const parts: Buffer[] = []
      try {
        for await (const part of incoming) parts.push(part)
      } catch {
        return reject(new TypeError('fetch failed'))
      }
      const { statusCode: status, headers } = incoming
      const answered = new Headers(headers as Record<string, string>)
      resolve(new Response(Buffer.concat(parts), { status: status!, headers: answered }))
    })
    sent.on('error', () => reject(new TypeError('fetch failed')))
    given.signal.addEventListener('abort', () => {
      reject(given.signal.reason)
      sent.destroy()
    })
    sent.end(body)
  })
}
