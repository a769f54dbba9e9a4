import { createHmac } from 'node:crypto'
import type { Database } from './database.ts'
import { failure, type ServerContext } from './http.ts'
import { randomSecret, sameText } from './random.ts'

const HEADER = 'X-XSRF-TOKEN'

/**
 * Double submit, signed. Every value of a session stays good as long as the session does: a tab may still send the one
 * from before another tab's refresh. One of another session, or one that somebody planted, does not fit.
 */
export interface Csrf {
  /** A new one each time. */
  issue(session: string): string
  /** The refusal for a request that acts on this session's cookie without showing its value; null where it may go on. */
  refusal(c: ServerContext, session: string): Response | null
}

export const createCsrf = (db: Database): Csrf => {
  const { key } = db.prepare('SELECT key FROM csrf_keys LIMIT 1').get() as { key: string }

  const sign = (nonce: string, session: string) =>
    createHmac('sha256', key).update(`${session}.${nonce}`).digest('base64url')

  const fits = (value: string, session: string) => {
    const [nonce = '', signature = ''] = value.split('.')
    return sameText(signature, sign(nonce, session))
  }

  return {
    issue: session => {
      const nonce = randomSecret()
      return `${nonce}.${sign(nonce, session)}`
    },
    refusal: (c, session) => {
      if (c.req.method === 'GET' || fits(c.req.header(HEADER) ?? '', session)) return null
      c.get('note')('csrf')
      return failure(c, 403, 'csrf', `The header ${HEADER} does not belong to this session`)
    },
  }
}
