/**
 * What is wrong with a Mermaid block, line by line. Mermaid itself is a browser library of several megabytes, so this is
 * a check of the shapes that our pages use, and no parser: flowcharts and sequence diagrams.
 */
export function faultsOf(code: string): string[] {
  const [head = '', ...lines] = code
    .split('\n')
    .map(line => line.trim())
    .filter(line => line !== '')
  if (/^flowchart (TD|LR)$/.test(head)) return faultsOfFlowchart(lines)
  if (head === 'sequenceDiagram') return faultsOfSequence(lines)
  return [`begins with: ${head}`]
}

/** `name["text"]`, `name{"text"}`, `name(["text"])`, or the name alone. */
const NODE = /([A-Za-z]\w*)(\["[^"]+"\]|\{"[^"]+"\}|\(\["[^"]+"\]\))?/.source
const EDGE = new RegExp(`^${NODE}(?: (?:-->|-- "[^"]+" -->) ${NODE})?$`)

function faultsOfFlowchart(lines: string[]): string[] {
  const labelled: string[] = []
  const named = new Set<string>()
  const faults: string[] = []
  for (const line of lines) {
    const [, from, fromLabel, to, toLabel] = EDGE.exec(line) ?? []
    if (from === undefined) faults.push(line)
    for (const [name, label] of [
      [from, fromLabel],
      [to, toLabel],
    ]) {
      if (name) named.add(name)
      // A name that Mermaid reads as a keyword.
      if (name === 'end') faults.push(line)
      if (name && label) labelled.push(name)
    }
  }
  for (const name of named) {
    if (labelled.filter(other => other === name).length !== 1) faults.push(`${name} needs one text`)
  }
  return faults
}

function faultsOfSequence(lines: string[]): string[] {
  const known = new Set<string>()
  const faults: string[] = []
  const open: string[] = []
  for (const line of lines) {
    const [, participant] = /^participant (\w+) as [^;#]+$/.exec(line) ?? []
    const [, from, to] = /^(\w+)(?:->>|-->>|-\)|--\))(\w+): [^;#]+$/.exec(line) ?? []
    const [, noted] = /^Note over (\w+(?:,\w+)?): [^;#]+$/.exec(line) ?? []
    const [, block] = /^(alt|opt|loop|par) [^;#]+$/.exec(line) ?? []
    if (participant) known.add(participant)
    else if (block) open.push(block)
    else if (line === 'end' && open.length > 0) open.pop()
    else if (/^else [^;#]+$/.test(line) && open.at(-1) === 'alt') continue
    else if (line === 'autonumber') continue
    else {
      const names = from && to ? [from, to] : noted?.split(',')
      if (!names?.every(name => known.has(name))) faults.push(line)
    }
  }
  return [...faults, ...open.map(block => `${block} without an end`)]
}
