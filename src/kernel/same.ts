/** Compares what JSON can say; anything else (a Date, a Set, a class of the app's) counts as changed. */
export function isSameJson(a: any, b: any): boolean {
  if (Object.is(a, b)) return true
  if (!isPlain(a) || !isPlain(b) || Array.isArray(a) !== Array.isArray(b)) return false
  const keys = Object.keys(a)
  return keys.length === Object.keys(b).length && keys.every(key => isSameJson(a[key], b[key]))
}

const isPlain = (value: unknown): boolean =>
  Array.isArray(value) || Object.prototype.toString.call(value) === '[object Object]'
