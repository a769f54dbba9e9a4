import { index, layout, type RouteConfig, route } from '@react-router/dev/routes'

export default [
  index('routes/home.tsx'),
  route('login', 'routes/login.tsx'),
  layout('routes/members.tsx', [route('items', 'routes/items.tsx')]),
] satisfies RouteConfig
