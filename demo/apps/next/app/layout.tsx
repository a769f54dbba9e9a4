import type { ReactNode } from 'react'
import { PerUser } from './per-user'
import { Providers } from './providers'

export const metadata = { title: 'silent-refresh in Next', icons: 'data:,' }

export default function Layout({ children }: { children: ReactNode }) {
  return (
    <html lang="en">
      <body>
        <Providers>
          <PerUser>{children}</PerUser>
        </Providers>
      </body>
    </html>
  )
}
