import { createAuthClient } from 'silent-refresh'

interface Told {
  ready?: string
  items?: number | string
}

declare global {
  interface Window {
    wasPrerendered: boolean
    told: Told
  }
}

const { prerendering } = document as Document & { prerendering?: boolean }
window.wasPrerendered = prerendering === true
window.told = {}

const timeout = 300
const auth = createAuthClient({ timeout })
void auth.ready().then(({ status }) => {
  window.told.ready = status
})
auth.fetch('/items').then(
  ({ status }) => {
    window.told.items = status
  },
  error => {
    window.told.items = error.code
  },
)
// Long after every timeout the test is told what has come of it so far.
setTimeout(() => void fetch(`/waited?${Object.keys(window.told)}`), 4 * timeout)
