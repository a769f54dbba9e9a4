import { describe, expect, test } from 'vitest'
import { importCircles, measureLengths, tooLong } from './tools/shape.ts'

const filler = (lines: number) => Array.from({ length: lines }, (_, line) => `  call(${line})`).join('\n')
const files = (texts: Record<string, string>) => new Map(Object.entries(texts))
const measure = (text: string) => measureLengths(files({ 'src/a.ts': text }))
const kinds = (text: string) => measure(text).parts.map(({ kind, name }) => `${kind} ${name}`)

describe('lengths', () => {
  test('a file, a closure and a plain function each have their own limit', () => {
    const plain = (lines: number) => `function plain() {\n${filler(lines - 2)}\n}\n`
    const closure = (lines: number) =>
      `function create() {\n  const inner = () => 1\n${filler(lines - 3)}\n}\n`
    expect(tooLong(measure(`${plain(60)}${closure(150)}${filler(90)}\n`))).toEqual([])
    expect(tooLong(measure(`${plain(61)}${closure(151)}${filler(89)}\n`))).toEqual([
      'src/a.ts has 301 lines, and may have 300',
      'src/a.ts:62 create (closure) has 151 lines, and may have 150',
      'src/a.ts:1 plain (function) has 61 lines, and may have 60',
    ])
  })

  test('a closure is a function that defines a named function, at any depth, or a class', () => {
    expect(kinds('const a = () => { function b() {} }')).toContain('closure a')
    expect(kinds('const a = () => { const b = function () {} }')).toContain('closure a')
    expect(kinds('const a = () => ({ b() {} })')).toContain('closure a')
    expect(kinds('const a = () => run(() => { const b = () => 1 })')).toContain('closure a')
    expect(kinds('class A { b() {} }')).toContain('closure A')
  })

  test('a callback and a field that holds a function make no closure', () => {
    expect(kinds('const a = () => list.map(each => each + 1)')).toContain('function a')
    expect(kinds('const a = () => ({ b: () => 1 })')).toContain('function a')
  })

  test('every function counts: methods, constructors, fields, callbacks', () => {
    const all = kinds(
      'class A { constructor() {} b() {} c = () => 1 }\nconst d = { e: () => 1, get f() { return 1 } }\nrun(() => 1)',
    )
    for (const name of ['constructor', 'b', 'c', 'e', 'f', 'without a name'])
      expect(all).toContain(`function ${name}`)
  })

  test('types and overloads are no functions', () => {
    expect(kinds('declare function a(): void\ntype B = () => void\ninterface C { d(): void }')).toEqual([
      'file src/a.ts',
    ])
  })
})

describe('"Long on purpose"', () => {
  const long = `function long() {\n${filler(70)}\n}\n`
  const longFile = `import './b.ts'\n${filler(320)}\n`

  test('excuses the function that it is written above', () => {
    const places = [
      `// Long on purpose: one table.\n${long}`,
      `/**\n * Does it.\n *\n * Long on purpose: one table.\n */\nexport ${long}`,
      `/** Long on purpose: one table. */\nexport const x = ${long}`,
      `const x = {\n  // Long on purpose: one table.\n  x: ${long}}`,
      `class X {\n  // Long on purpose: one table.\n  x = ${long}}`,
    ]
    for (const text of places) {
      expect(tooLong(measure(text)), text.slice(0, 60)).toEqual([])
      expect(measure(text).idleMarkers, text.slice(0, 60)).toEqual([])
    }
  })

  test('excuses the file at whose top it is written, and no function in it', () => {
    const text = `// Long on purpose: the public types.\n${longFile}${long}`
    expect(tooLong(measure(text))).toEqual(['src/a.ts:323 long (function) has 72 lines, and may have 60'])
    expect(measure(text).idleMarkers).toEqual([])
  })

  test('excuses nothing from inside, from the function before, or from a text', () => {
    expect(tooLong(measure(`function x() {\n// Long on purpose: x.\n${filler(70)}\n}`))).toHaveLength(1)
    expect(tooLong(measure(`// Long on purpose: x.\nconst x = 1\n${long}`))).toHaveLength(1)
    expect(tooLong(measure(`const x = \`\n// Long on purpose: x.\n\`\n${long}`))).toHaveLength(1)
  })

  test('without a reason it excuses nothing', () => {
    const measured = measure(`// Long on purpose:\n${long}`)
    expect(tooLong(measured)).toHaveLength(1)
    expect(measured.idleMarkers).toEqual(['src/a.ts:1 gives no reason'])
  })

  test('is named where nothing is too long any more', () => {
    expect(measure('// Long on purpose: one table.\nfunction short() {}').idleMarkers).toEqual([
      'src/a.ts:1 excuses nothing',
    ])
  })
})

describe('import circles', () => {
  test('each is found once, as the way back to its first file', () => {
    expect(
      importCircles(
        files({
          'src/a.ts': "import { b } from './b.ts'",
          'src/b.ts': "import { c } from './deep/c.ts'",
          'src/deep/c.ts': "import { a } from '../a.ts'",
          'src/d.ts': "import { a } from './a.ts'",
        }),
      ),
    ).toEqual(['src/a.ts → src/b.ts → src/deep/c.ts → src/a.ts'])
  })

  test.each([
    "import type { b } from './b.ts'",
    "import { type b } from './b.ts'",
    "import './b.ts'",
    "export * from './b.ts'",
    "export type { b } from './b.ts'",
    "type b = import('./b.ts').b",
    "const b = await import('./b.ts')",
    "import { b } from 'own'",
  ])('%s', text => {
    const paths = { own: ['./src/b.ts'] }
    const both = files({ 'src/a.ts': text, 'src/b.ts': "import './a.ts'" })
    expect(importCircles(both, { paths })).toEqual(['src/a.ts → src/b.ts → src/a.ts'])
  })

  test('a file that imports itself is one', () => {
    expect(importCircles(files({ 'src/a.ts': "import './a.ts'" }))).toEqual(['src/a.ts → src/a.ts'])
  })

  test('packages, styles and two ways to one file are none', () => {
    expect(
      importCircles(
        files({
          'src/a.ts': "import 'ky'\nimport './a.css'\nimport './b.ts'\nimport './c.ts'",
          'src/b.ts': "import './c.ts'",
          'src/c.ts': '',
        }),
      ),
    ).toEqual([])
  })
})
