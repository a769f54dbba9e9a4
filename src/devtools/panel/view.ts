/** What one tab of the panel shows. */
export interface View {
  readonly name: string
  readonly element: HTMLElement
  /** Called when the tab is shown, and each second while it is. */
  update(): void
  /** The panel is gone. */
  dispose?(): void
}
