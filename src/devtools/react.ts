/**
 * The devtools as a component of React. For development.
 *
 * @module silent-refresh/devtools/react
 */

'use client'

import { useEffect } from 'react'
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
 * {import.meta.env.DEV && <AuthDevtools client={auth} />}
 */
export function AuthDevtools(props: AuthDevtoolsProps): null {
  const { client, position, dock, open, container, view, nonce } = props
  useEffect(
    () => mountDevtools(client, { position, dock, open, container, view, nonce }),
    [client, position, dock, open, container, view, nonce],
  )
  return null
}
