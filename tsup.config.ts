import { defineConfig, type Options } from 'tsup'

const config: Options = defineConfig({
  entry: ['src/index.ts', 'src/core.ts'],
  format: 'esm',
  target: 'es2022',
  dts: true,
  clean: true,
  splitting: true,
  sourcemap: true,
}) as Options

export default config
