/** A form, or a query. A value that is `undefined` is left out. The tokens are for the APIs in `resource` (RFC 8707 §2). */
export function toParameters(
  values: Record<string, string | undefined>,
  resource: readonly string[] = [],
): URLSearchParams {
  const parameters = new URLSearchParams()
  for (const [name, value] of Object.entries(values)) if (value !== undefined) parameters.append(name, value)
  for (const api of resource) parameters.append('resource', api)
  return parameters
}

/** The address with these parameters, beside those that it has. */
export function withParameters(address: string, parameters: URLSearchParams): string {
  const url = new URL(address)
  for (const [name, value] of parameters) url.searchParams.append(name, value)
  return url.href
}
