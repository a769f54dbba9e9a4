/**
 * For tests of apps: an auth server, clients that are signed in, and a browser with tabs.
 *
 * @module silent-refresh/testing
 */

export type {
  AuthServer,
  Caller,
  EndpointName,
  ReceivedCall,
  Route,
} from './auth-server.ts'
export type { FakeAuthServerOptions, FakeUser, SavedAuthServer } from './auth-server-options.ts'
export type { AuthorizationEndpoint } from './authorization/metadata.ts'
export type {
  Decision,
  FakeAccount,
  FakeAuthorizationServerOptions,
  FakeClient,
} from './authorization/options.ts'
export type { AuthorizationRoute, AuthorizationServer, Bearer } from './authorization/server.ts'
export type { Tampered } from './authorization/tampering.ts'
export { createTestBrowser, type TestBrowser, type TestBrowserOptions } from './browser.ts'
export { createTestClient, type TestClientOptions, type TestSession } from './client.ts'
export { advancePastExpiry, type FakeTimers, sleepPastExpiry } from './expiry.ts'
export type { Fault } from './faults.ts'
export {
  createFakeAuthorizationServer,
  createFakeAuthServer,
  type FakeAuthorizationServer,
  type FakeAuthServer,
} from './msw.ts'
export type { Received } from './reception.ts'
export { createTestClock, type TestClock } from './test-clock.ts'
export { makeToken, type TokenClaims, type TokenOptions } from './token.ts'
