import type { NextConfig } from 'next'

const backend = process.env.BACKEND_URL ?? 'http://127.0.0.1:4000'

export default {
  // As `create-next-app` writes them.
  cacheComponents: true,
  partialPrefetching: true,
  // The page and the backend on one origin. The backend sees its own address as `Host`, so it has to know the address of
  // the page from its configuration.
  rewrites: async () =>
    ['auth', 'user', 'api'].map(folder => ({
      source: `/${folder}/:path*`,
      destination: `${backend}/${folder}/:path*`,
    })),
} satisfies NextConfig
