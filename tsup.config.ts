import { defineConfig, type Options } from 'tsup'

const config: Options = defineConfig({
  entry: {
    index: 'src/index.ts',
    core: 'src/core.ts',
    'dpop/index': 'src/dpop/index.ts',
    'oauth/index': 'src/oauth/index.ts',
    'testing/index': 'src/testing/index.ts',
    'testing/core': 'src/testing/core.ts',
    'testing/contract/index': 'src/testing/contract/index.ts',
    'testing/contract/cli': 'src/testing/contract/cli.ts',
    'devtools/index': 'src/devtools/index.ts',
    'devtools/react': 'src/devtools/react.ts',
    'devtools/vue': 'src/devtools/vue.ts',
    ...Object.fromEntries(
      ['react', 'vue', 'svelte', 'solid', 'angular'].map(name => [
        `bindings/${name}`,
        `src/bindings/${name}.ts`,
      ]),
    ),
  },
  format: 'esm',
  target: 'es2022',
  dts: true,
  clean: true,
  splitting: true,
  plugins: [
    {
      name: 'no bare imports',
      // esbuild keeps the order in which chunks are evaluated. None does anything then, and an app's bundler warns of it.
      renderChunk: code => ({ code: code.replaceAll(/^import "\.\.?\/[^"]+";$/gm, '') }),
    },
  ],
  sourcemap: true,
}) as Options

export default config
