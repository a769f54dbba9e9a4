import { request as requestHttp } from 'node:http'
import { request as requestHttps } from 'node:https'
import { parseBody } from '../../kernel/answer.ts'
import { readCookie, type SetCookie } from './cookies.ts'

/** What the backend has answered. */
export interface Answer {
  /** `POST /auth/login` */
  readonly call: string
  readonly status: number
  /** Empty if it is missing. */
  header(name: string): string
  readonly cookies: readonly SetCookie[]
  readonly text: string
  /** The parsed JSON, or the text if it is none. `undefined` if it is empty. */
  readonly body: unknown
}

export interface Outgoing {
  readonly method: string
  readonly url: URL
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string | undefined
}

/** No answer came: the run ends. */
export class Unreachable extends Error {
  override name = 'Unreachable'
}

const PATIENCE = 30_000

/**
 * Sends a request as it is. Not by `fetch`: a test environment may have a browser's, which sends neither `Cookie` nor
 * `Origin` of its caller and hides `Set-Cookie`.
 */
export function send({ method, url, headers, body }: Outgoing): Promise<Answer> {
  const call = `${method} ${url.pathname}`
  return new Promise((resolve, reject) => {
    const fail = (reason: string) =>
      reject(new Unreachable(`${method} ${url.href} got no answer: ${reason}. Is the server running?`))
    const request = url.protocol === 'https:' ? requestHttps : requestHttp
    // A connection for each request: none is left open behind the last one.
    const sent = request(url, { method, headers, agent: false, timeout: PATIENCE }, response => {
      const parts: Uint8Array[] = []
      response.on('data', part => parts.push(part))
      response.on('error', error => fail(error.message))
      response.on('end', () => {
        const { statusCode = 0, headers: received } = response
        const text = new TextDecoder().decode(join(parts))
        resolve({
          call,
          status: statusCode,
          header: name => [received[name.toLowerCase()] ?? ''].flat().join(', '),
          cookies: (received['set-cookie'] ?? []).flatMap(line => readCookie(line, url.pathname) ?? []),
          text,
          body: parseBody(text),
        })
      })
    })
    sent.on('timeout', () => sent.destroy(new Error(`nothing came in ${PATIENCE / 1000} s`)))
    sent.on('error', (error: Error & { code?: string }) => fail(error.message || (error.code ?? error.name)))
    sent.end(body)
  })
}

function join(parts: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((size, { length }) => size + length, 0))
  let at = 0
  for (const part of parts) {
    all.set(part, at)
    at += part.length
  }
  return all
}
