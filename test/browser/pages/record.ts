/** Keeps every event of the client as the app hears it: in `seen` as JSON, in `logged` as it is, errors included. */
export function record(auth: Window['auth']): void {
  for (const name of ['login', 'loginError', 'logout', 'refresh', 'refreshError', 'userChange'] as const) {
    auth.on(name, detail => {
      window.logged.push(detail)
      window.seen.push([name, JSON.parse(JSON.stringify(detail))])
    })
  }
}
