// What doc-blocks.ts makes of docs/frameworks.md.
declare module 'docs:react-router.tsx' {
  export const router: ReturnType<typeof import('react-router').createBrowserRouter>
}
declare module 'docs:vue-router.ts' {
  export const router: import('vue-router').Router
}
declare module 'docs:return-to.ts' {
  export function returnTo(to: unknown): string
}
