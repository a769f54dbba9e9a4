import {
  createElement,
  StrictMode,
  startTransition,
  useDeferredValue,
  useEffect,
  useLayoutEffect,
  useState,
} from 'react'
import { createRoot } from 'react-dom/client'
import { AuthProvider, useAuth, useSession } from 'silent-refresh/react'
import './client.ts'

declare global {
  interface Window {
    /** How often each component was rendered, twice each time in StrictMode. */
    renders: Record<string, number>
    /** What the rows showed at each commit. */
    commits: string[]
    /** Shows the rows in a transition; answers when they are on the screen. */
    openRows(): Promise<void>
    /** How many rows were rendered since that was called. */
    renderedRows: number
    unmount(): void
  }
}

const ROWS = 30

window.renders = {}
window.commits = []
window.renderedRows = 0

const count = (name: string) => {
  window.renders[name] = (window.renders[name] ?? 0) + 1
}

/** As an app does that needs to know: the client restores by itself as well. */
function Status() {
  count('status')
  const auth = useAuth<typeof window.auth>()
  useEffect(() => void auth.ready(), [auth])
  return createElement(
    'p',
    { id: 'status' },
    useSession(session => session.status),
  )
}

function Name() {
  count('name')
  const name = useSession((session: typeof window.auth.session) =>
    session.status === 'authenticated' ? session.user?.email : 'nobody',
  )
  return createElement('p', { id: 'name' }, name)
}

function Expiry() {
  count('expiry')
  const end = useSession(session => (session.status === 'authenticated' ? session.expiresAt : null))
  return createElement('p', { id: 'expiry' }, String(end))
}

/** Takes its time, so that a transition is rendered in pieces. */
function Row({ deferred }: { deferred: string }) {
  const status = useSession(session => session.status)
  window.renderedRows++
  const end = performance.now() + 2
  while (performance.now() < end);
  return createElement('li', null, `${status} ${deferred}`)
}

function Rows() {
  const [opened, setOpened] = useState<() => void>()
  const deferred = useDeferredValue(useSession(session => session.status))
  window.openRows = () =>
    new Promise(resolve => {
      window.renderedRows = 0
      startTransition(() => setOpened(() => resolve))
    })
  useLayoutEffect(() => {
    const rows = [...document.querySelectorAll('li')].map(row => row.textContent)
    window.commits.push([...new Set(rows)].join())
    opened?.()
  })
  const rows = Array.from({ length: opened ? ROWS : 0 }, (_, key) => createElement(Row, { key, deferred }))
  return createElement('ul', null, rows)
}

const root = createRoot(document.body.appendChild(document.createElement('div')))
const app = [Status, Name, Expiry, Rows].map(component => createElement(component, { key: component.name }))
root.render(createElement(StrictMode, null, createElement(AuthProvider, { client: window.auth }, app)))
window.unmount = () => root.unmount()
