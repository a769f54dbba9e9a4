import type { Routes } from '@angular/router'
import { signedInOnly, signedOutOnly } from './guards'
import { Home } from './home'
import { Items } from './items'
import { Login } from './login'
import { Members } from './members'

export const routes: Routes = [
  { path: '', component: Home, pathMatch: 'full' },
  { path: 'login', component: Login, canActivate: [signedOutOnly], runGuardsAndResolvers: 'always' },
  {
    path: '',
    component: Members,
    canActivate: [signedInOnly],
    runGuardsAndResolvers: 'always',
    children: [{ path: 'items', component: Items }],
  },
]
