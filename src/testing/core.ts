/**
 * The testing kit without MSW. You pass requests to its server, and get the answers.
 *
 * @module silent-refresh/testing/core
 */

export {
  type AuthServer,
  type Caller,
  createAuthServer as createFakeAuthServer,
  type EndpointName,
  type ReceivedCall,
  type Route,
} from './auth-server.ts'
export type { FakeAuthServerOptions, FakeUser, SavedAuthServer } from './auth-server-options.ts'
export type { AuthorizationEndpoint } from './authorization/metadata.ts'
export type {
  Decision,
  FakeAccount,
  FakeAuthorizationServerOptions,
  FakeClient,
} from './authorization/options.ts'
export {
  type AuthorizationRoute,
  type AuthorizationServer,
  type Bearer,
  createAuthorizationServer as createFakeAuthorizationServer,
} from './authorization/server.ts'
export type { Tampered } from './authorization/tampering.ts'
export { createTestBrowser, type TestBrowser, type TestBrowserOptions } from './browser.ts'
export { createTestClient, type TestClientOptions, type TestSession } from './client.ts'
export { advancePastExpiry, type FakeTimers, sleepPastExpiry } from './expiry.ts'
export type { Fault } from './faults.ts'
export type { Received } from './reception.ts'
export { createTestClock, type TestClock } from './test-clock.ts'
export { makeToken, type TokenClaims, type TokenOptions } from './token.ts'
