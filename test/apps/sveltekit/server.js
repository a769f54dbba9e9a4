import { createServer, request } from 'node:http'
import { handler } from './build/handler.js'

// The app, and its backend behind the same origin. Says its port.
const { BACKEND_URL } = process.env

const server = createServer((incoming, outgoing) => {
  if (!/^\/(auth|user|api)\//.test(incoming.url)) return handler(incoming, outgoing)
  const { method, headers, url } = incoming
  const passing = request(`${BACKEND_URL}${url}`, { method, headers, agent: false }, answer => {
    outgoing.writeHead(answer.statusCode, answer.headers)
    answer.pipe(outgoing)
  })
  passing.on('error', () => outgoing.destroy())
  incoming.pipe(passing)
})
server.listen(0, '127.0.0.1', () => console.log(server.address().port))
