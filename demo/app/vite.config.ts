import type { UserConfig } from 'vite'

// 'silent-refresh' is this repository's own package: it resolves through its "exports" to the built files.
const config: UserConfig = {
  build: {
    outDir: 'dist',
    sourcemap: true,
    // The page runs under `default-src 'self'`: no inline script, no data: URL.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
}

export default config
