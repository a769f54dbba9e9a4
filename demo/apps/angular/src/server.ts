import { join } from 'node:path'
import {
  AngularNodeAppEngine,
  createNodeRequestHandler,
  isMainModule,
  writeResponseToNodeResponse,
} from '@angular/ssr/node'
import express from 'express'

const app = express()
const angular = new AngularNodeAppEngine()

app.use(
  express.static(join(import.meta.dirname, '../browser'), { maxAge: '1y', index: false, redirect: false }),
)
app.use(async (request, response, next) => {
  const answer = await angular.handle(request)
  return answer ? writeResponseToNodeResponse(answer, response) : next()
})

if (isMainModule(import.meta.url)) {
  app.listen(Number(process.env.PORT ?? 4200), process.env.HOST ?? '127.0.0.1')
}

export const reqHandler = createNodeRequestHandler(app)
