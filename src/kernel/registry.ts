import type { AuthClient } from '../types.ts'
import type { Kernel } from './feature.ts'

/** By a function of the client: an HTTP client on top of it has the same one. */
const kernels = new WeakMap<object, Kernel>()

type Registered = Pick<AuthClient<any, any, any>, 'subscribe'>

export const register = (client: Registered, kernel: Kernel): unknown => kernels.set(client.subscribe, kernel)

/** For entries that look into a client, such as the devtools. Nothing of it can be reached from the client itself. */
export const kernelOf = ({ subscribe }: Registered): Kernel | undefined => kernels.get(subscribe)
