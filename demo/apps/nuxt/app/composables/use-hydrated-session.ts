import type { ComputedRef } from 'vue'

/**
 * `useSession` for plugins, middleware and stores. Until the page is hydrated it selects from `unknown`, as the server did.
 */
export function useHydratedSession<Selected>(
  selector: (session: typeof auth.session) => Selected,
): ComputedRef<Selected> {
  const selected = useSession(selector)
  const nuxt = useNuxtApp()
  const isHydrating = ref(nuxt.isHydrating)
  if (nuxt.isHydrating) {
    nuxt.hooks.hookOnce('app:suspense:resolve', () => {
      isHydrating.value = false
    })
  }
  return computed(() => (isHydrating.value ? selector({ status: 'unknown', error: null }) : selected.value))
}
