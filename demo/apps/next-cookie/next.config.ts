import type { NextConfig } from 'next'

export default {
  // Of this repository: the app is in a folder of another package.
  turbopack: { root: import.meta.dirname },
} satisfies NextConfig
