import type { ReactNode } from 'react'
import { PerUser } from './per-user'
import { SessionChanges } from './session'

export const metadata = { title: 'silent-refresh in Next, with cookies', icons: 'data:,' }

export default function Layout({ children }: { children: ReactNode }) {
  return (
    <html lang="en">
      <body>
        <SessionChanges />
        <PerUser>{children}</PerUser>
      </body>
    </html>
  )
}
