import { Link } from 'react-router'
import { useSession } from '../auth'

export default function Home() {
  const status = useSession(session => session.status)
  const name = useSession(session => session.user?.name)
  return (
    <main>
      <h1>Welcome</h1>
      {status === 'unknown' && <p>One moment …</p>}
      {status === 'anonymous' && <Link to="/login">Log in</Link>}
      {status === 'authenticated' && (
        <p>
          Signed in as {name}. <Link to="/items">Items</Link>
        </p>
      )}
    </main>
  )
}
