import { resolve } from 'node:path'
import type { Plugin, UserConfig } from 'vite'
import app from '../app/vite.config.ts'

/** In front of the page's own script, and the policy that a server would send as a header. */
const page: Plugin = {
  name: 'static page',
  transformIndexHtml: {
    order: 'pre',
    handler: html => {
      const own = '<script type="module" src="./main.ts"></script>'
      if (!html.includes(own)) throw new Error(`index.html has no ${own}`)
      return {
        html: html.replace(own, '<script type="module" src="../static/boot.ts"></script>'),
        tags: [
          {
            tag: 'meta',
            injectTo: 'head-prepend',
            attrs: {
              'http-equiv': 'Content-Security-Policy',
              content: `default-src 'self'; require-trusted-types-for 'script'; base-uri 'none'; form-action 'self'`,
            },
          },
        ],
      }
    },
  },
}

/** package.json says that no file does anything by being imported. The page's own files do. */
const effects: Plugin = {
  name: 'side effects of the page',
  transform: (code, id) => (id.includes('/demo/') ? { code, map: null, moduleSideEffects: true } : null),
}

const root = resolve(import.meta.dirname, '../app')

const config: UserConfig = {
  ...app,
  root,
  // Under any path of any host.
  base: './',
  plugins: [page, effects],
  build: {
    ...app.build,
    outDir: resolve(import.meta.dirname, 'dist'),
    emptyOutDir: true,
    sourcemap: false,
    // The comparison and the silent login need a server, and so do their pages.
    rolldownOptions: { input: resolve(root, 'index.html') },
  },
}

export default config
