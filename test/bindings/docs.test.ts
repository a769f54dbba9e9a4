import { expect, test } from 'vitest'
import { blocks, text } from './doc-blocks.ts'

// What the blocks say is compiled with those of all other pages: test/docs.test.ts.
test('every block of docs/frameworks.md has a name, and every framework has one', () => {
  expect(blocks).toHaveLength(text.match(/^```\w/gm)!.length)
  expect(new Set(blocks.map(({ language }) => language))).toEqual(new Set(['ts', 'tsx', 'vue', 'svelte']))
})
