import { globSync, readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import ts from 'typescript'
import { root } from './report.ts'

/**
 * How many sentences of each group may be long, or have a word of `UNCLEAR`. Each number is what was reached: lower it
 * when you have rewritten some. `node test/tools/prose.ts [group]` prints them.
 */
export const BOUNDS = {
  /** README.md. */
  README: 0,
  /** The other pages. */
  docs: 67,
  /** Comments in `src/`: the reference is made of them. */
  comments: 0,
  /** Texts in `src/`: errors, and what the logger and the panel say. */
  messages: 0,
  /** Texts, comments and pages of the demo. */
  demo: 17,
} as const

export type Group = keyof typeof BOUNDS

/** A sentence with more words has to be read twice. */
const MOST_WORDS = 26

/** The left column of the glossary in the style guide: words of ours for which readers have others. */
const UNCLEAR: readonly RegExp[] = [
  // store, be set, exist
  /\brest(?:s|ed|ing)? (?:in|where|on)\b/,
  /\b(?:stands?|stood) (?:in|there|here|until|at)\b/,
  /\bwhat(?:ever)? (?:is|was) there\b/,
  /(?<!\bwhat )(?<!\bwhatever )\b(?:is|are|was|were|be|been) there\b(?! (?:an?|any|no|one|two|more|another|something|anything)\b)/,
  // expiry, it expires
  /\bits end\b/,
  /\bit ends\b(?! (?:the|an?|all|every|that) )/,
  // readable by JavaScript
  /\bin (?:a )?script['’]s hands\b/,
  // native `fetch`
  /\bthe platform['’]s\b/,
  // notify, return, respond with
  /\b(?:client|tab|page|server|endpoint|API|backend|function|script|worker|library|browser|sibling)s? (?:tells?|told|says?|said|answers?|answered)\b/,
  /(?<!(?:client|tab|page|server|endpoint|API|backend|function|script|worker|library|browser|sibling)s? )\banswers with\b/,
  // re-renders
  /\brender(?:s|ed)? again\b/,
  // rejected with 401, a 4xx response
  /\bserver['’]s own word\b/,
  // the tab that, the value
  /\bwho(?:so)?ever\b/,
  /\bwhatever\b(?! (?:is|was) there\b)/,
  /\bwho has\b/,
  /\bwhat is\b(?! (?:there|wrong)\b)(?!.*\?$)/,
  // is named, exceeds the budget
  /\bb(?:ears?|ore) (?:its|the|an?|that|this|no)\b/,
  /\bbudget that is passed\b/,
].map(({ source }) => RegExp(source, 'i'))

export interface Fault {
  readonly group: Group
  readonly path: string
  readonly line: number
  /** `31 words`, or the words that were found. */
  readonly why: string
  readonly sentence: string
}

/** The group that a file belongs to, its comments if it is code; `null`: it is not read. */
export function groupOf(path: string): Group | null {
  if (/^docs\/(?:reference|\.vitepress)\/|\/(?:dist|node_modules)\/|\/\./.test(path)) return null
  if (/^demo\/.*\.(?:ts|md|html)$/.test(path)) return 'demo'
  if (/^src\/.*\.ts$/.test(path)) return 'comments'
  if (path === 'README.md') return 'README'
  return /^(?:docs\/.*|[A-Z]+)\.md$/.test(path) ? 'docs' : null
}

/** A paragraph, a cell of a table, a comment or a message, and the line where it begins. */
interface Passage {
  readonly group: Group
  readonly line: number
  readonly text: string
}

export function faultsIn(path: string, text: string): Fault[] {
  const group = groupOf(path)
  if (!group) return []
  const passages = path.endsWith('.ts')
    ? passagesOfCode(path, text, group)
    : path.endsWith('.html')
      ? passagesOfHtml(text, group)
      : passagesOfPage(text, group)
  return passages.flatMap(({ group, line, text }) =>
    sentencesOf(text).flatMap(sentence => {
      const why = reasonsAgainst(sentence)
      return why.length > 0 ? [{ group, path, line, why: why.join(', '), sentence }] : []
    }),
  )
}

function reasonsAgainst(sentence: string): string[] {
  const words = sentence.split(/\s+/).filter(word => /[\p{L}\p{N}]/u.test(word)).length
  const unclear = UNCLEAR.map(pattern => pattern.exec(sentence))
    .filter(match => match !== null)
    .sort((one, other) => one.index - other.index)
  return [...(words > MOST_WORDS ? [`${words} words`] : []), ...unclear.map(([found]) => `"${found}"`)]
}

/** Inline code is one word, and of a link its text. */
const sentencesOf = (text: string): string[] =>
  text
    .replace(/`[^`]*`/g, 'Code')
    .replace(/!?\[([^\]]*)\]\([^)]*\)/g, '$1')
    .replace(/\{@link [^}|]*\|?([^}]*)\}/g, 'Code')
    .replace(/<[^>]*>/g, '')
    .replace(/\s+/g, ' ')
    .split(/(?<=[.!?…][)"'*_]*)(?<!\b(?:e\.g|i\.e|vs|etc|no)\.) (?=[("'*_[]*[\p{Lu}\p{N}])/u)
    .map(sentence => sentence.trim())
    .filter(sentence => sentence !== '')

function passagesOfPage(page: string, group: Group): Passage[] {
  const found: Passage[] = []
  let isOpen = false
  const lines = blank(blank(page, /^( *)(```+).*?^ *\2 *$/gms), /<!--.*?-->/gs).split('\n')
  for (const [n, line] of lines.entries()) {
    const [, start = '', text = ''] = /^\s*((?:(?:>|[-*+]|\d+\.|#+)\s+)*)(.*)$/.exec(line) ?? []
    const isTable = text.startsWith('|')
    // An item, a heading and a row of a table begin something new.
    if (/[^>\s]/.test(start) || isTable || text === '') isOpen = false
    if (isTable) found.push(...text.split(/(?<!\\)\|/).map(cell => ({ group, line: n + 1, text: cell })))
    if (isTable || text === '') continue
    const open = isOpen ? found.pop() : undefined
    found.push({ group, line: open?.line ?? n + 1, text: open ? `${open.text} ${text}` : text })
    isOpen = !start.includes('#')
  }
  return found
}

/** Leaves the lines, so that they can still be counted. */
const blank = (text: string, pattern: RegExp): string =>
  text.replace(pattern, match => match.replace(/[^\n]/g, ''))

function passagesOfHtml(html: string, group: Group): Passage[] {
  const text = blank(blank(html, /<(script|style)\b.*?<\/\1>/gs), /<!--.*?-->/gs)
  const found: Passage[] = []
  let line = 1
  for (const part of text.split(
    /<\/?(?:p|li|ul|ol|h\d|div|section|article|td|th|tr|button|label|summary|dd|dt|main|header|footer)\b[^>]*>/,
  )) {
    const before = /^\s*/.exec(part)?.[0] ?? ''
    found.push({ group, line: line + linesIn(before), text: part })
    line += linesIn(part)
  }
  return found
}

const linesIn = (text: string): number => text.split('\n').length - 1

/** Comments on lines of their own that follow each other: one text. */
interface LineComments {
  readonly group: Group
  readonly line: number
  lastLine: number
  text: string
}

function passagesOfCode(path: string, text: string, group: Group): Passage[] {
  const source = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true)
  const lineAt = (position: number) => source.getLineAndCharacterOfPosition(position).line + 1
  const comments = new Map<number, { line: number; lastLine: number; text: string; isBlock: boolean }>()
  const passages: Passage[] = []

  function visit(node: ts.Node): void {
    if (ts.isJSDoc(node)) return
    const kind = group === 'comments' ? 'messages' : group
    const said = sayingOf(node)?.split('\n') ?? []
    passages.push(...said.map((text, n) => ({ group: kind, line: lineAt(node.getStart()) + n, text })))
    const children = node.getChildren(source)
    if (children.length === 0) {
      const ranges = [
        ...(ts.getLeadingCommentRanges(text, node.getFullStart()) ?? []),
        ...(ts.getTrailingCommentRanges(text, node.getEnd()) ?? []),
      ]
      for (const { pos, end, kind } of ranges) {
        const isBlock = kind === ts.SyntaxKind.MultiLineCommentTrivia
        comments.set(pos, { line: lineAt(pos), lastLine: lineAt(end), text: text.slice(pos, end), isBlock })
      }
    }
    for (const child of children) visit(child)
  }

  visit(source)
  const lines = text.split('\n')
  const isAlone = (line: number) => /^\s*\/\//.test(lines[line - 1] ?? '')
  const alone: LineComments[] = []
  for (const [, comment] of [...comments].sort(([a], [b]) => a - b)) {
    if (comment.isBlock) {
      passages.push(...passagesOfBlock(comment.text, comment.line, group))
      continue
    }
    const own = comment.text.replace(/^\/\/+\s?/, '')
    if (/^(?:biome-|@ts-|\/ <)/.test(own)) continue
    const last = alone.at(-1)
    const isNext = last?.lastLine === comment.line - 1 && isAlone(comment.line) && isAlone(last.lastLine)
    if (isNext) {
      last.text += ` ${own}`
      last.lastLine = comment.line
    } else alone.push({ group, line: comment.line, lastLine: comment.line, text: own })
  }
  passages.push(...alone)
  return passages.sort((a, b) => a.line - b.line)
}

/** Of a block comment: its paragraphs, and the prose of each tag. */
function passagesOfBlock(comment: string, line: number, group: Group): Passage[] {
  const found: { line: number; text: string }[] = []
  let isCode = false
  let isOpen = false
  for (const [n, raw] of comment.split('\n').entries()) {
    const own = raw.replace(/^\s*\/?\*+(?!\/)\s?|\s*\*+\/\s*$/g, '').trim()
    const [, tag, said = ''] = /^@(\w+)\s*(.*)$/.exec(own) ?? []
    if (tag) {
      isCode = tag === 'example' || tag === 'default'
      isOpen = false
    }
    const text = (tag ? said : own).replace(/ @(?:default|example)\b.*$/, '')
    if (isCode || text === '' || /^[-*] /.test(text)) isOpen = false
    if (isCode || text === '') continue
    const open = isOpen ? found.pop() : undefined
    found.push({ line: open?.line ?? line + n, text: open ? `${open.text} ${text}` : text })
    isOpen = true
  }
  return found.map(passage => ({ group, ...passage }))
}

/** The text that somebody will read, with its lines; `null`: it is none. */
function sayingOf(node: ts.Node): string | null {
  if (ts.isImportDeclaration(node.parent ?? node) || ts.isExportDeclaration(node.parent ?? node)) return null
  const text =
    ts.isStringLiteral(node) || ts.isNoSubstitutionTemplateLiteral(node)
      ? node.text
      : ts.isTemplateExpression(node)
        ? node.head.text + node.templateSpans.map(({ literal }) => `Code${literal.text}`).join('')
        : null
  return text !== null && /^[^{}]*\p{L}+ \p{L}+ [^{}]*$/u.test(text) && text.split(' ').length > 3
    ? text
    : null
}

/** All files that are read, from the root of the repository. */
export function readProse(): Fault[] {
  const paths = globSync(['*.md', 'docs/**/*.md', 'src/**/*.ts', 'demo/**/*.{ts,md,html}'], {
    cwd: root,
    exclude: ['demo/apps/*/{node_modules,build,dist,.*}/**'],
  }).sort()
  return paths.filter(groupOf).flatMap(path => faultsIn(path, readFileSync(resolve(root, path), 'utf8')))
}

const groups = Object.keys(BOUNDS) as Group[]

/** For `npm run check`: how many of each group. @throws where a group has more than it may have */
export function judgeProse(faults: readonly Fault[] = readProse()): string {
  const over = groups.filter(group => countOf(faults, group) > BOUNDS[group])
  const told = groups.map(group => `${group} ${countOf(faults, group)} of ${BOUNDS[group]}`).join(', ')
  if (over.length === 0) return told
  const list = faults.filter(({ group }) => over.includes(group)).map(inWords)
  throw new Error(`${told}\nSentences to rewrite, of ${over.join(' and ')}:\n${list.join('\n')}`)
}

const countOf = (faults: readonly Fault[], wanted: Group): number =>
  faults.filter(({ group }) => group === wanted).length

const inWords = ({ path, line, why, sentence }: Fault): string => `${path}:${line} (${why}): ${sentence}`

if (import.meta.main) {
  const [wanted] = process.argv.slice(2)
  const faults = readProse()
  for (const fault of faults) if (!wanted || wanted === fault.group) console.log(inWords(fault))
  console.log(groups.map(group => `${group}: ${countOf(faults, group)} of ${BOUNDS[group]}`).join('\n'))
}
