// With `changeOrigin: false` the backend sees the address of the page as `Host`, and knows the page as its own.
const backend = { target: process.env.BACKEND_URL ?? 'http://127.0.0.1:4000', changeOrigin: false }

export default { '/auth/': backend, '/user/': backend, '/api/': backend }
