// What doc-blocks.ts makes of docs/frameworks.md.
declare module 'virtual:docs/react-router.tsx' {
  export const router: ReturnType<typeof import('react-router').createBrowserRouter>
}
declare module 'virtual:docs/router.ts' {
  export const router: import('vue-router').Router
}
declare module 'virtual:docs/return-to.ts' {
  export function returnTo(to: unknown): string
}
declare module 'virtual:docs/react-router-members.tsx' {
  export const router: ReturnType<typeof import('react-router').createBrowserRouter>
}
declare module 'virtual:docs/vue-router-members.ts' {
  export const router: import('vue-router').Router
}
declare module 'virtual:docs/members.tsx' {
  export function Members(): import('react').ReactElement
}
declare module 'virtual:docs/src/routes/(members)/+layout.ts' {
  export function load(event: { url: URL }): Promise<{ sub: string | undefined } | undefined>
}
declare module 'virtual:docs/angular-guard.ts' {
  export function signedInOnly(route: null, state: { url: string }): Promise<unknown>
  export function askAgain(): void
}
declare module 'virtual:docs/Items.test.ts' {}
declare module 'virtual:docs/src/lib/session-changes.ts' {
  export function onSessionChange(listener: () => void): () => void
}
declare module 'virtual:docs/app/session-changes.ts' {
  export function onSessionChange(listener: () => void): () => void
}
