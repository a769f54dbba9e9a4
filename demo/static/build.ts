import { resolve } from 'node:path'
import { build as bundle } from 'esbuild'
import { build } from 'vite'
import config from './config.ts'

const [folder = resolve(import.meta.dirname, 'dist')] = process.argv.slice(2)
const out = resolve(folder)

/** The page, and the service worker that plays its server, into `demo/static/dist` or the folder that is given. */
await build({ ...config, build: { ...config.build, outDir: out }, configFile: false, logLevel: 'warn' })
await bundle({
  entryPoints: [resolve(import.meta.dirname, 'worker.ts')],
  outfile: resolve(out, 'worker.js'),
  bundle: true,
  minify: true,
  // Not every browser takes a module for a worker.
  format: 'iife',
  target: 'es2022',
  logLevel: 'warning',
})

console.log(`${out}
  Put these files on any web host, under any path. They need https, or http on localhost.`)
