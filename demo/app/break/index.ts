import type { Auth } from '../auth.ts'

/** Switches and buttons that break things, and what common alternatives do in the same situation. */
export function mountBreak(_auth: Auth, _section: HTMLElement): void {}
