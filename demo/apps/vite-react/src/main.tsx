import { createRoot } from 'react-dom/client'
import { BrowserRouter, Route, Routes } from 'react-router'
import { SignedInOnly, SignedOutOnly } from './guards'
import { Home } from './Home'
import { Items } from './Items'
import { Login } from './Login'
import { Queries } from './Queries'

createRoot(document.getElementById('root')!).render(
  <Queries>
    <BrowserRouter>
      <Routes>
        <Route index element={<Home />} />
        <Route element={<SignedInOnly />}>
          <Route path="items" element={<Items />} />
        </Route>
        <Route element={<SignedOutOnly />}>
          <Route path="login" element={<Login />} />
        </Route>
      </Routes>
    </BrowserRouter>
  </Queries>,
)
