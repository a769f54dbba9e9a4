import { Component } from '@angular/core'
import { RouterOutlet } from '@angular/router'
import { auth, injectSession } from './auth'

/** Around all pages for users: they leave the screen at once when the user signs out in any tab. */
@Component({
  selector: 'app-members',
  imports: [RouterOutlet],
  template: `
    @if (isSignedIn()) {
      <p>Signed in as {{ name() }}</p>
      <button (click)="logOut()">Log out</button>
      <router-outlet />
    } @else {
      <p>One moment …</p>
    }
  `,
})
export class Members {
  readonly isSignedIn = injectSession(session => session.status === 'authenticated')
  readonly name = injectSession(session => session.user?.name)
  readonly logOut = auth.logout
}
