// @vitest-environment node
import { describe, expect, test } from 'vitest'
import { faultsIn, type Group, groupOf } from './tools/prose.ts'

const LONG = `One ${'word '.repeat(26)}more.`
const why = (path: string, text: string) =>
  faultsIn(path, text).map(({ group, line, why }) => `${group} ${line} ${why}`)

describe('the groups', () => {
  test.each<[string, Group | null]>([
    ['README.md', 'README'],
    ['docs/guide.md', 'docs'],
    ['docs/providers/okta.md', 'docs'],
    ['CONTRIBUTING.md', 'docs'],
    ['src/kernel/token.ts', 'comments'],
    ['demo/app/log.ts', 'demo'],
    ['demo/README.md', 'demo'],
    ['demo/app/index.html', 'demo'],
    ['docs/reference/index.md', null],
    ['demo/app/dist/index.html', null],
    ['test/tabs.test.ts', null],
    ['docs/.vitepress/config.ts', null],
    ['demo/apps/next/node_modules/next/README.md', null],
    ['demo/apps/next/.next/types/routes.d.ts', null],
  ])('%s belongs to %s', (path, group) => {
    expect(groupOf(path)).toBe(group)
  })

  test('texts of the code in src count apart from its comments', () => {
    expect(why('src/a.ts', `// ${LONG}\nthrow new Error('${LONG}')`)).toEqual([
      'comments 1 28 words',
      'messages 2 28 words',
    ])
    expect(why('demo/a.ts', `// ${LONG}\nshow('${LONG}')`)).toEqual(['demo 1 28 words', 'demo 2 28 words'])
  })
})

describe('a page', () => {
  test('a sentence of 26 words is short enough, one of 27 is not', () => {
    expect(why('README.md', `${'word '.repeat(25)}word.`)).toEqual([])
    expect(why('README.md', `${'word '.repeat(26)}word.`)).toEqual(['README 1 27 words'])
  })

  test('a sentence goes over lines, and ends where the next begins, or its paragraph, item or cell', () => {
    const half = 'word '.repeat(14)
    expect(why('README.md', `${half}\n${half}.`)).toEqual(['README 1 28 words'])
    for (const border of ['. The ', '? "The ', '.) The ', '. `The` ', '\n\n', '\n- ', '\n1. ', '\n## ']) {
      expect(why('README.md', `${half}${border}${half}.`), border).toEqual([])
    }
    expect(why('README.md', `| a | b |\n| --- | --- |\n| ${half} | ${half} |`)).toEqual([])
    expect(why('README.md', `# A\n\n- ${half}e.g. ${half}.`)).toEqual(['README 3 29 words'])
  })

  test('code, the address of a link and comments are not read; inline code is one word', () => {
    expect(why('README.md', `\`\`\`ts\n// ${LONG}\n\`\`\`\n<!-- ${LONG} -->`)).toEqual([])
    expect(why('README.md', `${'word '.repeat(25)}\`a b c d\`.`)).toEqual([])
    expect(why('README.md', `${'word '.repeat(25)}[a](https://example.com/a "b c d").`)).toEqual([])
    expect(why('README.md', '`whoever()`, and [what](whoever.md).')).toEqual([])
  })
})

describe('the words of the glossary', () => {
  test.each([
    ['The token rests in memory.', 'rests in'],
    ['The marker stands in localStorage.', 'stands in'],
    ['It shows what is there.', 'what is there'],
    ['A token is readable until its end.', 'its end'],
    ['A refresh token in script’s hands.', 'in script’s hands'],
    ["A refresh token in script's hands.", "in script's hands"],
    ["It calls the platform's fetch.", "the platform's"],
    ['The server answers with a token.', 'server answers'],
    ['A tab tells the others.', 'tab tells'],
    ['The component renders again.', 'renders again'],
    ["Only the server's own word counts.", "server's own word"],
    ['Whoever asks gets it.', 'Whoever'],
    ['A tab who has none asks.', 'who has'],
    ['It keeps what is new.', 'what is'],
    ['A test that bears its name.', 'bears its'],
    ['A budget that is passed fails.', 'budget that is passed'],
  ])('%s', (sentence, found) => {
    expect(why('README.md', sentence)).toEqual([`README 1 "${found}"`])
  })

  test.each([
    'There is a token. Is there another one?',
    'The rest of the page stays. The restore is over.',
    'What is a refresh token?',
    'At the end it stores the answers. The server returns them.',
    'Say who does what, and tell the user.',
  ])('and not: %s', sentence => {
    expect(why('README.md', sentence)).toEqual([])
  })

  test('one sentence is one fault, with all its reasons', () => {
    expect(why('README.md', `Whoever ${'word '.repeat(26)}rests in it.`)).toEqual([
      'README 1 30 words, "Whoever", "rests in"',
    ])
  })
})

describe('code', () => {
  test('line comments that follow each other are one text; a block comment is one', () => {
    const half = 'word '.repeat(14)
    expect(why('src/a.ts', `// ${half}\n// ${half}.\nconst a = 1 // ${half}`)).toEqual([
      'comments 1 28 words',
    ])
    expect(why('src/a.ts', `/**\n * ${half}\n * ${half}.\n */\nconst a = 1`)).toEqual(['comments 2 28 words'])
    expect(why('src/a.ts', `const a = 1 // ${half}\n// ${half}.`)).toEqual([])
  })

  test('of a tag only its prose is read, apart from what is before it', () => {
    const half = 'word '.repeat(14)
    expect(why('src/a.ts', `/**\n * ${half}\n * @param a ${half}\n */`)).toEqual([])
    expect(
      why('src/a.ts', `/**\n * ${half}\n * @example\n * ${LONG}\n * @throws Whoever asks.\n */`),
    ).toEqual(['comments 5 "Whoever"'])
    expect(why('src/a.ts', `// biome-ignore lint/a/b: ${LONG}`)).toEqual([])
  })

  test('a text is read if it is a sentence, with a word for what is filled in', () => {
    expect(why('src/a.ts', 'a(`Whoever has $' + '{one} is here.`, "whoever")')).toEqual([
      'messages 1 "Whoever"',
    ])
    expect(why('src/a.ts', 'css(`a { whoever: 1; rests in: 2; stands in: 3 }`)')).toEqual([])
    expect(why('src/a.ts', "import a from './whoever has it there.ts'")).toEqual([])
  })

  test('comment signs inside a text or a pattern are no comments', () => {
    expect(
      why('src/a.ts', `const a = 'https://example.com/ ${LONG.slice(0, 20)}', b = /\\/\\/ whoever/`),
    ).toEqual([])
  })
})

test('a page of HTML: its text, without scripts and tags', () => {
  expect(
    why('demo/app/index.html', `<script>whoever()</script>\n<p>Whoever <b>asks</b>.</p><p>word</p>`),
  ).toEqual(['demo 2 "Whoever"'])
})
