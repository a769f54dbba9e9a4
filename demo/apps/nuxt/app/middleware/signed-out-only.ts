export default defineNuxtRouteMiddleware(async to => {
  const { status } = await auth.ready()
  if (status === 'authenticated') return navigateTo(returnTo(to.query.to))
})
