import type { World } from '../support/world.ts'

/** The world's client, and how many callbacks listen to it. */
export function watched({ client }: World): { client: World['client']; readonly listeners: number } {
  let listeners = 0
  const subscribe: World['client']['subscribe'] = listener => {
    listeners++
    const undo = client.subscribe(listener)
    return () => {
      listeners--
      undo()
    }
  }
  return {
    client: Object.create(client, { subscribe: { value: subscribe } }),
    get listeners() {
      return listeners
    },
  }
}
