import { httpResource } from '@angular/common/http'
import { Component, effect, untracked } from '@angular/core'
import { injectSession } from './auth'

interface Item {
  id: string
  title: string
}

@Component({
  selector: 'app-items',
  template: `
    <main>
      <h1>Items</h1>
      <button (click)="items.reload()">Reload</button>
      @if (items.error()) {
        <p role="alert">
          {{ isFailing() ? 'The server cannot be reached. This page tries again.' : 'The list could not be loaded.' }}
        </p>
      }
      @if (items.hasValue()) {
        <ul>
          @for (item of items.value(); track item.id) {
            <li>{{ item.title }}</li>
          }
        </ul>
      }
    </main>
  `,
})
export class Items {
  // Who is signed in. A token without `sub`, or one that is no JWT, needs another name: here that of the profile.
  readonly #user = injectSession(
    ({ status, claims, user }) => status === 'authenticated' && (claims?.sub ?? user?.name ?? status),
  )
  readonly isFailing = injectSession(session => session.error != null)

  // Depends on the user: what one user has loaded is not for the next one.
  readonly items = httpResource<Item[]>(() => (this.#user() ? '/api/items' : undefined))

  constructor() {
    // An outage is over: what has failed is loaded again.
    effect(() => {
      if (!this.isFailing() && untracked(this.items.error)) this.items.reload()
    })
  }
}
