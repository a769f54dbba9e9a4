import { fileURLToPath } from 'node:url'
import type { UserConfig } from 'vite'

const source = (path: string) => fileURLToPath(new URL(`../../src/${path}`, import.meta.url))

const config: UserConfig = {
  // Relative, so that the page can be put under any path of a web host.
  base: './',
  resolve: {
    // The package's own sources: the page needs no build of the package, which would take longer than all the rest.
    alias: [
      { find: /^silent-refresh$/, replacement: source('index.ts') },
      { find: /^silent-refresh\/(devtools|dpop|oauth)$/, replacement: source('$1/index.ts') },
    ],
  },
  build: {
    outDir: 'dist',
    emptyOutDir: true,
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
