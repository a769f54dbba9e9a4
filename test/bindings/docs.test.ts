import { expect, test } from 'vitest'
import { blocks, text } from './doc-blocks.ts'

// What the blocks say is compiled with those of all other pages: test/docs.test.ts.
test('every block of the pages but commands has a name, and every framework has one', () => {
  expect(blocks).toHaveLength(text.match(/^```(?!sh$)\w/gm)!.length)
  const languages = blocks.map(({ language }) => language)
  expect(languages).toEqual(expect.arrayContaining(['ts', 'tsx', 'vue', 'svelte']))
})
