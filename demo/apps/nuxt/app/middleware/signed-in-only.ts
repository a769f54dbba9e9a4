export default defineNuxtRouteMiddleware(async to => {
  const { status } = await auth.ready()
  if (status === 'anonymous') return navigateTo({ path: '/login', query: { to: to.fullPath } })
})
