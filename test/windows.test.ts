import { afterEach, expect, test, vi } from 'vitest'
import { browserWindows } from '../src/kernel/windows.ts'

afterEach(() => vi.unstubAllGlobals())

test('O2 the address is replaced also where the <base> of the page leads to another origin', () => {
  const base = 'https://cdn.example/assets/'
  const shown: string[] = []
  vi.stubGlobal('location', new URL('https://app.example.com/?code=x&state=y'))
  vi.stubGlobal('history', {
    state: { position: 1 },
    // HTML resolves the address as all others of the document.
    replaceState: (state: unknown, _: string, url: string | URL) =>
      shown.push(JSON.stringify(state), new URL(url, base).href),
  })
  browserWindows.replace('/inbox?folder=2#first')
  expect(shown).toEqual(['{"position":1}', 'https://app.example.com/inbox?folder=2#first'])
})

test.each(['before the body', 'in the body'])(
  'O28 the frame is shown to nobody, runs no script, and is removed: %s',
  where => {
    const frame = { attributes: {} as Record<string, string>, hidden: false, src: '', onload() {} }
    const children = new Set<unknown>()
    const place = { append: (child: unknown) => void children.add(child) }
    vi.stubGlobal('document', {
      createElement: () => ({
        ...frame,
        setAttribute(name: string, value: string) {
          frame.attributes[name] = value
        },
        remove() {
          children.delete(this)
        },
      }),
      documentElement: place,
      body: where === 'in the body' ? place : null,
    })
    const remove = browserWindows.frame('https://id.example.com/authorize', () => {})
    expect(frame.attributes.sandbox).toBe('allow-same-origin')
    expect([...children]).toMatchObject([{ hidden: true, src: 'https://id.example.com/authorize' }])
    remove()
    expect(children.size).toBe(0)
  },
)
