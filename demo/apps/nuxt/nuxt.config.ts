const backend = process.env.BACKEND_URL ?? 'http://127.0.0.1:4000'

export default defineNuxtConfig({
  compatibilityDate: '2026-11-01',
  // Only the browser knows who is signed in, so it renders these pages, and all below `/items`, without the server.
  routeRules: { '/items/**': { ssr: false }, '/login': { ssr: false } },
  nitro: {
    // With `changeOrigin: false` the backend sees the address of the page as `Host`, and knows the page as its own.
    devProxy: {
      '/auth/': { target: `${backend}/auth/`, changeOrigin: false },
      '/user/': { target: `${backend}/user/`, changeOrigin: false },
      '/api/': { target: `${backend}/api/`, changeOrigin: false },
    },
  },
})
