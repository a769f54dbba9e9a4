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
        <p role="alert">The server cannot be reached. This page tries again.</p>
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
  readonly #user = injectSession(session => session.claims?.sub)
  readonly #isFailing = injectSession(session => session.error != null)

  // Depends on the user: what one user has loaded is not for the next one.
  readonly items = httpResource<Item[]>(() => this.#user() && '/api/items')

  constructor() {
    // An outage is over: what has failed is loaded again.
    effect(() => {
      if (!this.#isFailing() && untracked(this.items.error)) this.items.reload()
    })
  }
}
