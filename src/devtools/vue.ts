/**
 * The devtools as a component of Vue. For development.
 *
 * @module silent-refresh/devtools/vue
 */

import { defineComponent, onMounted, onScopeDispose, type PropType, watch } from 'vue'
import type { AuthClient } from '../types.ts'
import { type DevtoolsOptions, mountDevtools } from './mount.ts'

/** What `AuthDevtools` takes. */
export interface AuthDevtoolsProps extends DevtoolsOptions {
  /** The client that is shown. */
  readonly client: AuthClient<unknown, unknown>
}

/**
 * The devtools of this client, while it is rendered. It renders nothing itself: the panel is at the end of the document.
 *
 * @example
 * const Devtools = import.meta.env.DEV ? AuthDevtools : () => null
 * // in the template
 * <Devtools :client="auth" />
 */
export const AuthDevtools: new (props: AuthDevtoolsProps) => { readonly $props: AuthDevtoolsProps } =
  /* @__PURE__ */ defineComponent(
    (props: AuthDevtoolsProps) => {
      let unmount = () => {}
      const mount = () => {
        unmount()
        const { client, ...options } = props
        unmount = mountDevtools(client, options)
      }
      onMounted(() => {
        mount()
        watch(() => ({ ...props }), mount)
      })
      onScopeDispose(() => unmount())
      return () => null
    },
    {
      name: 'AuthDevtools',
      props: {
        client: { type: Object as PropType<AuthDevtoolsProps['client']>, required: true },
        position: String as PropType<AuthDevtoolsProps['position']>,
        dock: String as PropType<AuthDevtoolsProps['dock']>,
        open: { type: Boolean, default: undefined },
        container: Object as PropType<AuthDevtoolsProps['container']>,
        view: String as PropType<AuthDevtoolsProps['view']>,
        nonce: String,
      },
    },
  )
