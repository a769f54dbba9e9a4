// The package has no types of its own: what this folder uses of it.
declare module 'oidc-provider' {
  import type { IncomingMessage, ServerResponse } from 'node:http'

  export interface Stored {
    uid?: string
    grantId?: string
    consumed?: number
    [name: string]: unknown
  }

  export interface Adapter {
    upsert(id: string, payload: Stored, expiresIn?: number): Promise<void>
    find(id: string): Promise<Stored | undefined>
    findByUid(uid: string): Promise<Stored | undefined>
    findByUserCode(userCode: string): Promise<Stored | undefined>
    consume(id: string): Promise<void>
    destroy(id: string): Promise<void>
    revokeByGrantId(grantId: string): Promise<void>
  }

  export interface Grant {
    readonly accountId: string
    addOIDCScope(scope: string): void
    addResourceScope(resource: string, scope: string): void
    save(): Promise<string>
  }

  export interface ResourceServer {
    scope: string
    audience?: string
    accessTokenTTL?: number
    accessTokenFormat?: 'jwt' | 'opaque'
    jwt?: object
  }

  export interface OIDCContext {
    readonly provider: Provider
    readonly route: string
    readonly params?: Record<string, string | undefined>
    readonly session: {
      readonly accountId: string
      readonly acr?: string
      grantIdFor(clientId: string): string | undefined
    }
    readonly client: { readonly clientId: string }
    readonly requestParamOIDCScopes: Set<string>
    readonly resourceServers: Record<string, ResourceServer>
    readonly result?: { login?: unknown }
    readonly entities: { RotatedRefreshToken?: { remainingTTL: number }; IdTokenHint?: unknown }
  }

  export interface Context {
    readonly req: IncomingMessage
    readonly oidc: OIDCContext
    type: string
    body: unknown
  }

  export interface Client {
    grantTypeAllowed(type: string): boolean
  }

  export interface Interaction {
    readonly uid: string
    readonly prompt: { readonly name: string; readonly reasons: string[] }
    readonly params: Record<string, string | undefined>
  }

  export interface InteractionResult {
    login?: { accountId: string; acr?: string; amr?: string[] }
    consent?: object
    error?: string
    error_description?: string
  }

  export class Provider {
    constructor(issuer: string, configuration: object)
    readonly issuer: string
    readonly Grant: {
      new (properties: { accountId: string; clientId: string }): Grant
      find(id: string): Promise<Grant | undefined>
    }
    callback(): (request: IncomingMessage, response: ServerResponse) => Promise<void>
    interactionDetails(request: IncomingMessage, response: ServerResponse): Promise<Interaction>
    interactionFinished(
      request: IncomingMessage,
      response: ServerResponse,
      result: InteractionResult,
    ): Promise<void>
    on(event: string, listener: (ctx: Context, error?: Error & { error?: string }) => void): this
  }

  export const errors: { InvalidTarget: new () => Error }

  export const interactionPolicy: {
    base(): { get(name: string): { checks: { add(check: object): void } } }
    Check: {
      new (reason: string, description: string, error: string, check: (ctx: Context) => boolean): object
    }
  }
}
