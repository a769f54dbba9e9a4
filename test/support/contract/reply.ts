export interface Reply {
  status: number
  body?: unknown
  cookies?: string[]
  headers?: Record<string, string>
}

export const failure = (status: number, error: string): Reply => ({ status, body: { error, message: error } })

export function readJson(text: string): Record<string, unknown> | null {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}
