import { randomBytes, scrypt, timingSafeEqual } from 'node:crypto'

const KEY_LENGTH = 32
const BLOCK_SIZE = 8
const PARALLEL = 3

const derive = (password: string, salt: Buffer, cost: number): Promise<Buffer> =>
  new Promise((resolve, reject) => {
    const N = 2 ** cost
    const parameters = { N, r: BLOCK_SIZE, p: PARALLEL, maxmem: 256 * N * BLOCK_SIZE }
    // Typed on a phone and typed on a desk, the same word can have other code points.
    scrypt(password.normalize('NFKC'), salt, KEY_LENGTH, parameters, (error, key) =>
      error ? reject(error) : resolve(key),
    )
  })

/** The text to store: the cost goes with the hash, so that it can be raised later. */
export const hashPassword = async (password: string, cost: number): Promise<string> => {
  const salt = randomBytes(16)
  const key = await derive(password, salt, cost)
  return `scrypt$${cost}$${salt.toString('base64url')}$${key.toString('base64url')}`
}

export const verifyPassword = async (password: string, stored: string): Promise<boolean> => {
  const [, cost = '', salt = '', expected = ''] = stored.split('$')
  const key = await derive(password, Buffer.from(salt, 'base64url'), Number(cost))
  return timingSafeEqual(key, Buffer.from(expected, 'base64url'))
}
