import { Component } from '@angular/core'
import { RouterLink } from '@angular/router'
import { injectSession } from './auth'

@Component({
  selector: 'app-home',
  imports: [RouterLink],
  template: `
    <main>
      <h1>Welcome</h1>
      @switch (status()) {
        @case ('unknown') { <p>One moment …</p> }
        @case ('anonymous') { <a routerLink="/login">Log in</a> }
        @case ('authenticated') {
          <p>Signed in as {{ name() }}</p>
          <a routerLink="/items">Items</a>
        }
      }
    </main>
  `,
})
export class Home {
  readonly status = injectSession(session => session.status)
  readonly name = injectSession(session => session.user?.name)
}
