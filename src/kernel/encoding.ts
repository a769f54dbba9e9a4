/**
 * Base64url without padding (RFC 7515 §2). No regular expression sees it: any script could read `RegExp.$_`. Each proof of
 * DPoP needs it, and `...` would take several times as long as `Reflect.apply`.
 */
export const encode = (bytes: ArrayBuffer | Uint8Array): string =>
  btoa(Reflect.apply(String.fromCharCode, null, new Uint8Array(bytes)))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replaceAll('=', '')

export const bytesOf = (text: string): Uint8Array<ArrayBuffer> => new TextEncoder().encode(text)

export const hash = async (text: string): Promise<string> =>
  encode(await crypto.subtle.digest('SHA-256', bytesOf(text)))

/** 256 random bits: 43 characters, as a code verifier must have at least (RFC 7636 §4.1). */
export const random = (bytes = 32): string => encode(crypto.getRandomValues(new Uint8Array(bytes)))
