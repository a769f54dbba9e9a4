import { RenderMode, type ServerRoute } from '@angular/ssr'

// Only the browser knows who is signed in, so it renders what a guard decides about.
export const serverRoutes: ServerRoute[] = [
  { path: 'items', renderMode: RenderMode.Client },
  { path: 'login', renderMode: RenderMode.Client },
  { path: '', renderMode: RenderMode.Prerender },
  { path: '**', renderMode: RenderMode.Server },
]
