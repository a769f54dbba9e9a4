import type { ReactNode } from 'react'
import { SessionChanges } from './session'

export const metadata = { title: 'silent-refresh in Next, with cookies', icons: 'data:,' }

export default function Layout({ children }: { children: ReactNode }) {
  return (
    <html lang="en">
      <body>
        <SessionChanges />
        {children}
      </body>
    </html>
  )
}
