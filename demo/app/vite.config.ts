import type { UserConfig } from 'vite'

// 'silent-refresh' is this repository's own package: it resolves through its "exports" to the built files.
const config: UserConfig = {
  build: {
    outDir: 'dist',
    sourcemap: true,
    // The page, one tab of a client that it is compared with, and where a silent login ends.
    rolldownOptions: {
      input: ['index.html', 'break/tab.html', 'silent.html'].map(page => `${import.meta.dirname}/${page}`),
    },
    // The page runs under `default-src 'self'`: no inline script, no data: URL.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
}

export default config
