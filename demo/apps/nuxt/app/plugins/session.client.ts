export default defineNuxtPlugin(() => {
  const router = useRouter()
  auth.ready().then(() => {
    let { status, error } = auth.session
    auth.subscribe(() => {
      const before = { status, error }
      status = auth.session.status
      error = auth.session.error
      // Signed in or out, in this tab or in another one: the middleware decides again.
      if (status !== before.status) {
        const { path, query, hash } = router.currentRoute.value
        router.replace({ path, query, hash, force: true })
      }
      // An outage is over: what has failed is loaded again.
      if (before.error && !error) refreshNuxtData()
    })
  })
  // What one user has loaded is not for the next one.
  auth.on('logout', () => clearNuxtData())
  auth.on('userChange', () => {
    clearNuxtData()
    refreshNuxtData()
  })
})
