export default defineNuxtPlugin(() => {
  const greeting = useHydratedSession(({ status, user }) => {
    if (status === 'unknown') return 'One moment …'
    return user && `Signed in as ${user.name}`
  })
  return { provide: { greeting } }
})
