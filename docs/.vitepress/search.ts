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
