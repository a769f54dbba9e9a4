// @vitest-environment happy-dom
import { globSync } from 'node:fs'
import mermaid from 'mermaid'
import { expect, test } from 'vitest'
import { readPage } from './recipes/blocks.ts'
import { root } from './tools/report.ts'

// The pictures of the pages, judged by Mermaid itself. Its parser needs a document.

const pictures = globSync(['*.md', 'docs/**/*.md'], { cwd: root, exclude: ['docs/reference/**'] })
  .sort()
  .flatMap(readPage)
  .filter(({ language }) => language === 'mermaid')
  .map(({ page, line, code }) => ({ name: `${page}:${line}`, code }))

test.each(pictures)('P5 $name is a picture that Mermaid can draw', async ({ code }) => {
  const { diagramType } = await mermaid.parse(code)
  expect(diagramType).toMatch(/^(sequence|flowchart-v2)$/)
})

test.each(pictures.filter(({ code }) => code.startsWith('sequenceDiagram')))(
  'P5 $name declares everybody who takes part',
  ({ code }) => {
    const declared = [...code.matchAll(/^ *participant (\w+)/gm)].map(([, name]) => name)
    const named = [...code.matchAll(/^ *(\w+)(?:-?->>|-\)|--x)(\w+):/gm)].flatMap(([, from, to]) => [
      from,
      to,
    ])
    const noted = [...code.matchAll(/^ *Note over ([\w,]+):/gm)].flatMap(([, names = '']) => names.split(','))
    expect(declared.sort()).toEqual([...new Set([...named, ...noted])].sort())
  },
)
