import { setGlobals } from '../calls/page.ts'
import { type Cost, compare, type Pair } from './side.ts'

// In a process of its own, with --expose-gc and a large young generation: node test/bench/requests/measure.ts

const ORIGIN = 'https://api.example.com'
const URL_TEXT = `${ORIGIN}/items`
const ROUNDS = Number(process.argv[2] ?? 120)

const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
const claims = { iss: 'bench', sub: 'ada', iat: Math.floor(Date.now() / 1000), exp: 4_000_000_000 }
const token = `${encode({ alg: 'none' })}.${encode(claims)}.${'s'.repeat(86)}`
const tokens = { access_token: token, refresh_token: 'r', token_type: 'bearer', expires_in: 86_400, user: {} }
const json = { 'Content-Type': 'application/json' }

const answer = new Response('[]')
/** What no `fetch` can leave out: to read its arguments. The answer costs nothing, so that nothing hides behind it. */
const bare = async (input: RequestInfo | URL, init?: RequestInit): Promise<Response> => {
  new Request(input, init)
  return answer
}
/** The same with an answer that can be read, for clients that read it; tokens for whoever posts. */
const answering = async (input: RequestInfo | URL, init?: RequestInit): Promise<Response> => {
  const { method } = new Request(input, init)
  return new Response(method === 'POST' ? JSON.stringify(tokens) : '[]', { headers: json })
}
const idle = async (_input: RequestInfo | URL, _init?: RequestInit): Promise<Response> => answer

type Fetch = typeof bare
/** What an app does without any client. */
const byHand =
  (fetch: Fetch): Fetch =>
  (input, init) => {
    const headers = new Headers(init?.headers ?? (input instanceof Request ? input.headers : undefined))
    headers.set('Authorization', `Bearer ${token}`)
    return fetch(input, { ...init, headers })
  }

const { createAuthClient } = await import(`${'../dist'}/core.js`)
const main = await import(`${'../dist'}/index.js`)
const { default: ky } = await import(`${'ky'}`)

async function client(create: typeof createAuthClient, fetch: Fetch) {
  const auth = create({ baseUrl: ORIGIN, server: true, fetch })
  await auth.setTokens({ accessToken: token, expiresIn: 86_400 })
  return auth
}

const init = () => ({ method: 'GET', headers: { Accept: 'application/json' } })
const url = new URL(URL_TEXT)

async function fetchPairs(fetch: Fetch): Promise<Pair[]> {
  const { fetch: ours } = await client(createAuthClient, fetch)
  const base = byHand(fetch)
  return [
    { title: 'string', ours: () => ours(URL_TEXT), base: () => base(URL_TEXT) },
    {
      title: 'string, init with headers',
      ours: () => ours(URL_TEXT, init()),
      base: () => base(URL_TEXT, init()),
    },
    { title: 'URL object', ours: () => ours(url), base: () => base(url) },
    { title: 'Request', ours: () => ours(new Request(URL_TEXT)), base: () => base(new Request(URL_TEXT)) },
  ]
}

async function apiPair(): Promise<Pair> {
  const { api } = await client(main.createAuthClient, bare)
  const plain = ky.create({ fetch: bare, baseUrl: ORIGIN })
  return { title: '`auth.api`, beside ky', ours: () => api.get('items'), base: () => plain.get('items') }
}

async function peerPairs(): Promise<Pair[]> {
  setGlobals({ fetch: answering })
  const { fetch: ours } = await client(createAuthClient, answering)
  const base = () => byHand(answering)(URL_TEXT).then(response => response.text())
  const pairs = [
    {
      title: '**silent-refresh/core**',
      ours: () => ours(URL_TEXT).then((response: Response) => response.text()),
      base,
    },
  ]
  const peers: [name: string, title: string][] = [
    ['oauth2-client', '@badgateway/oauth2-client'],
    ['ofetch', 'ofetch, a hook that attaches'],
    ['supabase', '@supabase/auth-js'],
    ['oidc-client-ts', 'oidc-client-ts, `getUser` and a header'],
    ['ky-by-hand', 'ky, refreshed by hand'],
    ['alova', 'alova, token authentication'],
    ['axios-auth-refresh', 'axios + axios-auth-refresh'],
  ]
  for (const [name, title] of peers) {
    const peer = await (await import(`../peers/${name}.js`)).create(ORIGIN)
    await peer.login()
    pairs.push({ title, ours: () => peer.get(URL_TEXT), base })
  }
  return pairs
}

const measured = async (pairs: Pair[], rounds = ROUNDS): Promise<Cost[]> => {
  const costs: Cost[] = []
  // All of them once before the first is measured: it would pay for the others' compilation.
  for (const pair of pairs) await compare(pair, Math.ceil(rounds / 4))
  for (const pair of pairs) costs.push(await compare(pair, rounds))
  return costs
}

console.log(
  JSON.stringify({
    fetch: await measured(await fetchPairs(bare)),
    idle: await measured(await fetchPairs(idle)),
    api: await measured([await apiPair()]),
    peers: await measured(await peerPairs(), Math.ceil(ROUNDS / 4)),
  }),
)
process.exit()
