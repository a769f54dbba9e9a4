// What docs/tasks.md uses of packages that are not installed here, as their own types have it: @uppy/core and
// @uppy/xhr-upload 6.0, tus-js-client 4.3, @microsoft/signalr 10.0, @reduxjs/toolkit 2.15, @playwright/test 1.65,
// Cypress 15.

declare module '@uppy/xhr-upload' {
  export interface XhrUploadOpts {
    endpoint: string
    onBeforeRequest?: (xhr: XMLHttpRequest, retryCount: number) => void | Promise<void>
    onAfterResponse?: (xhr: XMLHttpRequest, retryCount: number) => void | Promise<void>
    shouldRetry?: (xhr: XMLHttpRequest) => boolean
  }
  export default class XHRUpload {}
}

declare module '@uppy/core' {
  export class Uppy {
    use(
      plugin: typeof import('@uppy/xhr-upload').default,
      options: import('@uppy/xhr-upload').XhrUploadOpts,
    ): this
  }
}

declare module 'tus-js-client' {
  interface HttpRequest {
    setHeader(header: string, value: string): void
  }
  interface HttpResponse {
    getStatus(): number
  }
  interface DetailedError extends Error {
    originalResponse: HttpResponse | null
  }
  interface UploadOptions {
    endpoint?: string | null
    retryDelays?: number[] | null
    onBeforeRequest?: (request: HttpRequest) => void | Promise<void>
    onShouldRetry?: ((error: DetailedError, retryAttempt: number, options: UploadOptions) => boolean) | null
  }
  export class Upload {
    constructor(file: File | Blob, options: UploadOptions)
    start(): void
    abort(): Promise<void>
  }
}

declare module '@microsoft/signalr' {
  interface RetryContext {
    readonly previousRetryCount: number
    readonly elapsedMilliseconds: number
    readonly retryReason: Error
  }
  interface HubConnection {
    start(): Promise<void>
    stop(): Promise<void>
  }
  export class HubConnectionBuilder {
    withUrl(url: string, options: { accessTokenFactory?(): string | Promise<string> }): HubConnectionBuilder
    withAutomaticReconnect(policy: {
      nextRetryDelayInMilliseconds(context: RetryContext): number | null
    }): HubConnectionBuilder
    build(): HubConnection
  }
}

declare module '@reduxjs/toolkit/query' {
  export interface FetchArgs extends RequestInit {
    url: string
  }
  export type FetchBaseQueryError =
    | { status: number; data: unknown }
    | { status: 'FETCH_ERROR'; data?: undefined; error: string }
  export type BaseQueryFn<Args, Result, Failure> = (
    args: Args,
    api: { readonly signal: AbortSignal },
    extraOptions: object,
  ) => Promise<{ error: Failure; data?: undefined } | { error?: undefined; data?: Result }>
  export function fetchBaseQuery(options: {
    baseUrl?: string
    fetchFn?: (input: RequestInfo, init?: RequestInit) => Promise<Response>
  }): BaseQueryFn<string | FetchArgs, unknown, FetchBaseQueryError>
}

declare module '@playwright/test' {
  interface Locator {
    readonly text: string
  }
  interface Page {
    goto(url: string): Promise<unknown>
    getByText(text: string): Locator
    readonly request: { post(url: string, options?: { data?: unknown }): Promise<unknown> }
  }
  interface Fixtures {
    page: Page
  }
  interface Test {
    (title: string, body: (fixtures: Fixtures) => Promise<void>): void
    extend(
      fixtures: {
        [Name in keyof Fixtures]?: (
          given: Fixtures,
          use: (value: Fixtures[Name]) => Promise<void>,
        ) => Promise<void>
      },
    ): Test
  }
  export const test: Test
  export function expect(locator: Locator): { toBeVisible(): Promise<void> }
}

declare const Cypress: { Commands: { add(name: string, command: () => void): void } }
declare const cy: {
  request(method: string, url: string, body?: unknown): unknown
  visit(url: string): unknown
  contains(text: string): unknown
  signIn(): void
}
declare function describe(title: string, body: () => void): void
declare function it(title: string, body: () => void): void
declare function beforeEach(body: () => void): void
