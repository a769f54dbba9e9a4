import { button, h, setText } from '../dom.ts'
import type { Journal } from '../journal.ts'
import { exportReport, type ReportFacts } from '../report.ts'

interface Source {
  journal(): Journal
  facts(): ReportFacts
}

/** Hands the log out as a report. */
export function createSharing({ journal, facts }: Source): {
  readonly buttons: HTMLElement[]
  readonly outcome: HTMLElement
} {
  const status = h('p', { class: 'hint', role: 'status' })
  const text = h('textarea', {
    readonly: true,
    hidden: true,
    'aria-label': 'The report, to be copied by hand',
  })

  async function copy(format: 'json' | 'text'): Promise<void> {
    const report = exportReport(journal(), format, facts())
    text.hidden = true
    try {
      await navigator.clipboard.writeText(report)
      setText(status, 'Copied.')
    } catch {
      // Without a permission, or in an insecure context.
      text.hidden = false
      text.value = report
      text.focus()
      text.select()
      setText(status, 'The browser does not let the page copy. Copy the text below.')
    }
  }

  function save(): void {
    const blob = new Blob([exportReport(journal(), 'json', facts())], { type: 'application/json' })
    const href = URL.createObjectURL(blob)
    h('a', { href, download: 'silent-refresh-report.json' }).click()
    setTimeout(() => URL.revokeObjectURL(href), 60_000)
    setText(status, 'Saved as silent-refresh-report.json.')
  }

  return {
    buttons: [
      button('Copy as text', () => void copy('text')),
      button('Copy as JSON', () => void copy('json')),
      button('Save as file', save),
    ],
    outcome: h('div', {}, status, text),
  }
}
