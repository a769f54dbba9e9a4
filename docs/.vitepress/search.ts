/**
 * What the search knows of a text: its words, and for a word with hyphens, such as "re-render", also its longer parts.
 * "re" alone would be the beginning of half of all words. Runs in the page too, so it uses nothing from outside.
 */
export function termsOf(text: string): string[] {
  return text
    .split(/[^\p{L}\p{N}_-]+/u)
    .map(word => word.replace(/^-+|-+$/g, ''))
    .filter(word => word !== '')
    .flatMap(word =>
      word.includes('-') ? [word, ...word.split('-').filter(part => part.length > 2)] : [word],
    )
}

/** The words that somebody searches for. A word with hyphens stays whole, or its parts would find other pages first. */
export function wordsOf(query: string): string[] {
  return query
    .split(/[^\p{L}\p{N}_-]+/u)
    .map(word => word.replace(/^-+|-+$/g, ''))
    .filter(word => word !== '')
}

/** A page that explains something comes before the reference, which only names it. */
export function weightOf(address: string): number {
  return address.includes('/reference/') ? 0.3 : 1
}
