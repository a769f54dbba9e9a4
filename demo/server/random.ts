import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'

/** 256 random bits, as text that fits a cookie. */
export const randomSecret = (): string => randomBytes(32).toString('base64url')

export const sha256 = (value: string | Uint8Array): string =>
  createHash('sha256').update(value).digest('base64url')

export const sameText = (a: string, b: string): boolean => {
  const [left, right] = [Buffer.from(a), Buffer.from(b)]
  return left.length === right.length && timingSafeEqual(left, right)
}
