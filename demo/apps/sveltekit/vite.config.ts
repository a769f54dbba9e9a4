import adapter from '@sveltejs/adapter-node'
import { sveltekit } from '@sveltejs/kit/vite'
import { defineConfig, loadEnv } from 'vite'

export default defineConfig(({ mode }) => {
  // With `changeOrigin: false` the backend sees the address of the page as `Host`, and knows the page as its own.
  const { BACKEND_URL = 'http://127.0.0.1:4000' } = loadEnv(mode, import.meta.dirname, 'BACKEND_')
  const backend = { target: BACKEND_URL, changeOrigin: false }
  return {
    plugins: [
      sveltekit({
        adapter: adapter(),
        // As `sv create` writes it: runes everywhere but in packages.
        compilerOptions: { runes: ({ filename }) => (filename.includes('node_modules') ? undefined : true) },
      }),
    ],
    server: { proxy: { '/auth/': backend, '/user/': backend, '/api/': backend } },
  }
})
