import { tookTooLong, within } from '../kernel/abort.ts'
import { callback } from '../kernel/callback.ts'
import { hash, random } from '../kernel/encoding.ts'
import { invalid } from '../kernel/errors.ts'
import type { Kernel } from '../kernel/feature.ts'
import { type Metadata, requiredEndpoint } from './metadata.ts'
import type { Config, Login } from './options.ts'
import { toParameters, withParameters } from './parameters.ts'
import type { Transaction } from './transaction.ts'

/** An authorization request (RFC 6749 §4.1.1, with PKCE) that is ready to be asked. */
export interface Begun {
  readonly url: string
  readonly state: string
  readonly transaction: Transaction
}

/** `more`: parameters of the client's own, such as `prompt`. */
export type Begin = (
  how: 'redirect' | 'popup' | 'frame',
  login: Login,
  redirectUri: string,
  signal: AbortSignal,
  more?: Record<string, string | undefined>,
) => Promise<Begun>

type Needs = Pick<Kernel, 'settings' | 'environment' | 'proof'>

export function createBegin(kernel: Needs, config: Config, metadata: Metadata): Begin {
  const { settings, environment } = kernel

  const make: Begin = async (how, login, redirectUri, signal, more) => {
    const server = await metadata.get(how === 'frame' ? 'refresh' : 'login', signal)
    const key = await kernel.proof?.create(how === 'redirect')
    const state = random()
    const nonce = config.isOpenId ? random() : undefined
    const verifier = random()
    const { challenge, maxAge, acrValues, scope } = login
    const all = {
      ...config.parameters,
      ...login.parameters,
      prompt: login.prompt,
      login_hint: login.loginHint,
      max_age: maxAge?.toString(),
      acr_values: acrValues,
      ...more,
      client_id: config.clientId,
      response_type: 'code',
      redirect_uri: redirectUri,
      scope,
      state,
      nonce,
      code_challenge: await hash(verifier),
      code_challenge_method: 'S256',
      dpop_jkt: key?.id,
    }
    let parameters = toParameters(all, config.resource)
    const { prepare } = config
    if (prepare) {
      const context = {
        fetch: (to: string, init?: RequestInit) => settings.sending.send(to, { ...init }),
        signal,
      }
      parameters = await callback(settings.log, 'prepare', () => prepare(parameters, server, context))
      if (!(parameters instanceof URLSearchParams)) {
        throw invalid('prepare', 'a function that returns URLSearchParams')
      }
    }
    return {
      url: withParameters(requiredEndpoint(server, 'authorization_endpoint'), parameters),
      state,
      transaction: {
        how,
        at: environment.now(),
        returnTo: login.returnTo,
        redirectUri,
        verifier,
        nonce,
        maxAge,
        acr: challenge && acrValues,
        scope: challenge?.parameters.scope,
        key: key?.id,
      },
    }
  }

  // "prepare" can hang, and a popup must not stay open then.
  return (how, login, redirectUri, signal, more) => {
    const { timeout } = settings
    const late = () => tookTooLong(how === 'frame' ? 'refresh_unavailable' : 'login_unavailable', timeout)
    return within(environment, timeout, late, inner => make(how, login, redirectUri, inner, more), signal)
  }
}
