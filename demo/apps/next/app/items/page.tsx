import { SignedInOnly } from '../guards'
import { AddItem } from './add-item'
import { Items } from './items'

// The guard hides this page and does not protect it: what a server component writes here, everybody can read in the page's
// source. So only client components have what is private: they load it in the browser.
export default function Page() {
  return (
    <SignedInOnly>
      <main>
        <h1>Items</h1>
        <Items />
        <AddItem />
      </main>
    </SignedInOnly>
  )
}
