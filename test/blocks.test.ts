import { expect, test } from 'vitest'
import { sourceOf, withBlocks } from './tools/blocks.ts'

const files: Record<string, string> = {
  'demo/apps/next/app/(members)/page.tsx': 'export default () => `$& $1`\n',
  'demo/apps/nuxt/app.vue': '<template />\n',
}
const fill = (page: string) => withBlocks(page, path => files[path]!)
const place = '<!-- demo/apps/next/app/(members)/page.tsx -->\n'
const block =
  '`app/(members)/page.tsx`:\n\n```tsx app/(members)/page.tsx\nexport default () => `$& $1`\n```\n'

test('a file of an app is shown below the comment that names it', () => {
  expect(fill(`Before.\n\n${place}\nAfter.\n`)).toBe(`Before.\n\n${place}\n${block}\nAfter.\n`)
  expect(fill('<!-- demo/apps/nuxt/app.vue -->\n')).toBe(
    '<!-- demo/apps/nuxt/app.vue -->\n\n`app.vue`:\n\n```vue app.vue\n<template />\n```\n',
  )
})

test('a block that differs from its file is replaced, and no other', () => {
  const other = '\n```ts other.ts\nconst kept = 1\n```\n'
  expect(fill(`${place}\n${block.replace('export', 'import')}${other}`)).toBe(`${place}\n${block}${other}`)
  expect(fill(`${place}${other}`)).toBe(`${place}\n${block}${other}`)
  expect(fill(`${place}\nText.\n${other}`)).toBe(`${place}\n${block}\nText.\n${other}`)
})

test('a page that shows its files as they are stays as it is', () => {
  const page = `# Page\n\n${place}\n${block}\nAfter.\n`
  expect(fill(page)).toBe(page)
})

test('a block tells which file it shows', () => {
  const lines = `${place}\n${block}\n${block}`.split('\n')
  expect(sourceOf(lines, 4)).toBe('demo/apps/next/app/(members)/page.tsx')
  expect(sourceOf(lines, 10)).toBeUndefined()
})
