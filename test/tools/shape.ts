import { globSync, readFileSync } from 'node:fs'
import { relative, resolve } from 'node:path'
import ts from 'typescript'
import { root } from './report.ts'

/** In lines, comments included. A closure is a function that defines named functions, such as `createTabs`, or a class. */
export const LIMITS = { file: 300, closure: 150, function: 60 } as const

/** A comment line that begins so excuses the file or the function that it belongs to. The reason comes after it. */
const MARKER = /^[ \t]*(?:\/\/|\/?\*+)[ \t]*Long on purpose:(.*)$/gm

/** Texts by path, from the root of the repository. */
export type Files = ReadonlyMap<string, string>

export interface Part {
  kind: keyof typeof LIMITS
  name: string
  path: string
  /** Where it begins. */
  line: number
  lines: number
  isExcused: boolean
}

export interface Lengths {
  /** Longest first. */
  parts: Part[]
  /** Markers that give no reason, or that excuse nothing. */
  idleMarkers: string[]
}

export function measureLengths(files: Files): Lengths {
  const parts: Part[] = []
  const idleMarkers: string[] = []
  for (const [path, text] of files) {
    const measured = measureFile(path, text)
    parts.push(...measured.parts)
    idleMarkers.push(...measured.idleMarkers)
  }
  return { parts: parts.sort((a, b) => b.lines - a.lines), idleMarkers }
}

/** `src/tabs.ts:130 createTabs (closure) has 400 lines, and may have 150`. */
export const tooLong = ({ parts }: Lengths): string[] =>
  parts
    .filter(part => isLong(part) && !part.isExcused)
    .map(part => `${inWords(part)}, and may have ${LIMITS[part.kind]}`)

export const inWords = ({ kind, name, path, line, lines, isExcused }: Part): string =>
  `${kind === 'file' ? path : `${path}:${line} ${name} (${kind})`} has ${lines} lines${isExcused ? ', on purpose' : ''}`

const isLong = ({ kind, lines }: Pick<Part, 'kind' | 'lines'>): boolean => lines > LIMITS[kind]

function measureFile(path: string, text: string): Lengths {
  const source = parse(path, text)
  const lineAt = (position: number) => source.getLineAndCharacterOfPosition(position).line + 1
  const markers = [...text.matchAll(MARKER)].map(match => ({
    start: match.index,
    end: match.index + match[0].length,
    hasReason: /\w/.test(match[1] ?? ''),
    isUsed: false,
  }))
  const parts: Part[] = []

  /** `position`: where the comments begin that belong to it. */
  function add(part: Omit<Part, 'path' | 'isExcused'>, position: number): void {
    const comments = ts.getLeadingCommentRanges(text, position) ?? []
    const own = markers.filter(
      ({ start, end, hasReason }) =>
        hasReason && comments.some(({ pos, end: last }) => pos < end && start < last),
    )
    if (isLong(part)) for (const marker of own) marker.isUsed = true
    parts.push({ ...part, path, isExcused: isLong(part) && own.length > 0 })
  }

  add({ kind: 'file', name: path, line: 1, lines: lineAt(text.trimEnd().length) }, 0)
  forEachNode(source, node => {
    if (!isFunction(node) && !ts.isClassLike(node)) return
    const line = lineAt(node.getStart(source))
    const kind = ts.isClassLike(node) || definesFunctions(node) ? 'closure' : 'function'
    add(
      { kind, name: nameOf(node) ?? 'without a name', line, lines: lineAt(node.end) - line + 1 },
      documented(node).pos,
    )
  })
  const idleMarkers = markers
    .filter(({ isUsed }) => !isUsed)
    .map(
      ({ start, hasReason }) =>
        `${path}:${lineAt(start)} ${hasReason ? 'excuses nothing' : 'gives no reason'}`,
    )
  return { parts, idleMarkers }
}

const parse = (path: string, text: string): ts.SourceFile =>
  ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true)

function forEachNode(node: ts.Node, visit: (node: ts.Node) => void): void {
  ts.forEachChild(node, child => {
    visit(child)
    forEachNode(child, visit)
  })
}

/** With a body: not a type, an overload or an abstract method. */
const isFunction = (node: ts.Node): node is ts.FunctionLikeDeclaration =>
  ts.isFunctionLike(node) && 'body' in node && node.body !== undefined

function definesFunctions(node: ts.Node): boolean {
  let defines = false
  forEachNode(node, inner => {
    defines ||= isFunction(inner) && !ts.isPropertyAssignment(inner.parent) && nameOf(inner) !== undefined
  })
  return defines
}

function nameOf(node: ts.FunctionLikeDeclaration | ts.ClassLikeDeclaration): string | undefined {
  if (ts.isConstructorDeclaration(node)) return 'constructor'
  const { parent } = node
  const isNamedByPlace =
    ts.isVariableDeclaration(parent) || ts.isPropertyAssignment(parent) || ts.isPropertyDeclaration(parent)
  return (node.name ?? (isNamedByPlace ? parent.name : undefined))?.getText()
}

/** What a comment about the function is written above: its statement, or its place in an object or a class. */
function documented(node: ts.Node): ts.Node {
  const isPlace = ts.isStatement(node) || ts.isObjectLiteralElementLike(node) || ts.isClassElement(node)
  return (isPlace && !ts.isBlock(node)) || ts.isSourceFile(node.parent) ? node : documented(node.parent)
}

/** Each circle once, as the way from a file back to itself: `a.ts → b.ts → a.ts`. Imports of types count. */
export function importCircles(files: Files, options: ts.CompilerOptions = {}): string[] {
  const host: ts.ModuleResolutionHost = {
    fileExists: path => files.has(relative(root, path)),
    readFile: () => undefined,
    getCurrentDirectory: () => root,
  }
  const importsOf = new Map<string, string[]>()
  for (const [path, text] of files) {
    const found = specifiersIn(parse(path, text)).flatMap(specifier => {
      const { resolvedModule } = ts.resolveModuleName(specifier, resolve(root, path), options, host)
      return resolvedModule ? [relative(root, resolvedModule.resolvedFileName)] : []
    })
    importsOf.set(path, found)
  }
  // The last one wins, so that a circle of three files begins with the first of them.
  const circles = new Map<string, string[]>()
  for (const path of [...files.keys()].sort().reverse()) {
    const way = shortestWayBack(path, importsOf)
    if (way) circles.set([...way].sort().join(), way)
  }
  return [...circles.values()].map(way => [...way, way[0]].join(' → ')).sort()
}

function specifiersIn(source: ts.SourceFile): string[] {
  const found: string[] = []
  forEachNode(source, node => {
    const specifier =
      ts.isImportDeclaration(node) || ts.isExportDeclaration(node)
        ? node.moduleSpecifier
        : ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)
          ? node.argument.literal
          : ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword
            ? node.arguments[0]
            : undefined
    if (specifier && ts.isStringLiteralLike(specifier)) found.push(specifier.text)
  })
  return found
}

function shortestWayBack(start: string, importsOf: ReadonlyMap<string, string[]>): string[] | undefined {
  const seen = new Set<string>()
  const ways = [[start]]
  for (const way of ways) {
    for (const next of importsOf.get(way.at(-1) ?? '') ?? []) {
      if (next === start) return way
      if (!seen.has(next)) ways.push([...way, next])
      seen.add(next)
    }
  }
  return undefined
}

/** For `npm run check`. @throws where something is too long, or imports itself */
export function judgeShape(): string {
  const src = read('src/**/*.ts')
  const { config } = ts.readConfigFile(resolve(root, 'tsconfig.json'), path => readFileSync(path, 'utf8'))
  const { options } = ts.convertCompilerOptionsFromJson(config.compilerOptions, root)
  const circles = importCircles(new Map([...src, ...read('demo/**/*.ts')]), options)
  const lengths = measureLengths(src)
  const kinds = Object.keys(LIMITS) as Part['kind'][]
  const longest = kinds.flatMap(kind => lengths.parts.find(part => part.kind === kind) ?? []).map(inWords)
  const faults = [
    ...tooLong(lengths),
    ...lengths.idleMarkers.map(marker => `"Long on purpose" ${marker}`),
    ...circles.map(circle => `import circle: ${circle}`),
  ]
  if (faults.length > 0) throw new Error([...longest.map(part => `longest: ${part}`), ...faults].join('\n'))
  return longest.join(', ')
}

const read = (pattern: string): Files =>
  new Map(
    globSync(pattern, { cwd: root, exclude: ['demo/app/dist/**', 'demo/apps/**'] }).map(path => [
      path,
      readFileSync(resolve(root, path), 'utf8'),
    ]),
  )
