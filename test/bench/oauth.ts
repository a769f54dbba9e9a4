import { chromium } from '../browser/browsers.ts'
import type { Browser, Tab } from '../browser/engine.ts'
import { fillIn } from '../browser/oauth-site.ts'
import { until } from '../browser/site.ts'
import { bundleOf, COMPOSITIONS, type Composition, SHARED } from '../tools/compositions.ts'
import { compressed, kB } from '../tools/sizes.ts'
import { run } from '../tools/steps.ts'
import {
  AHEAD,
  callApi,
  canRenew,
  errorOf,
  isSignedIn,
  LIFETIME,
  leave,
  logIn,
  open,
  ready,
  type Site,
  startSite,
  type Variant,
} from './oauth/site.ts'
import { type Section, table } from './section.ts'

const OURS = '**silent-refresh/oauth**'
const THEIRS = 'oidc-client-ts'

const variants: Variant[] = [
  { peer: 'oauth-ours', title: OURS, store: 'sessionStorage' },
  { peer: 'oauth-ours', title: OURS, store: 'localStorage' },
  { peer: 'oauth-oidc-client-ts', title: THEIRS, store: 'sessionStorage' },
  { peer: 'oauth-oidc-client-ts', title: THEIRS, store: 'localStorage' },
]

const TABS = 10
const LIFETIMES = 3
const OUTAGE = 30
const FAILURES = { '503': 'answers 503', refuse: 'refuses connections', hang: 'does not answer' } as const

const SECOND = 1_000
const pause = (seconds: number): Promise<void> =>
  new Promise(resolve => setTimeout(resolve, seconds * SECOND))

/** The same app with either client, at oidc-provider: refresh tokens are good for one use, and a second use ends the session. */
export async function oauth(): Promise<Section> {
  if (!chromium.find()) return { tables: {}, misses: [`oauth: no Chromium at ${chromium.path}`] }
  const misses: string[] = []
  const browser = await chromium.launch()
  try {
    return {
      tables: {
        'oauth-sizes': await sizes(),
        'oauth-tabs': await tabs(browser, misses),
        'oauth-outage': await outage(browser, misses),
        'oauth-reload': await reload(browser, misses),
        'oauth-twice': await twice(browser, misses),
      },
      misses,
    }
  } finally {
    await browser.close()
  }
}

async function sizes(): Promise<string> {
  if (!run('tsup', ['--silent'])) throw new Error('the build failed')
  const measure = async (composition: Pick<Composition, 'code'>) => {
    const { outputFiles } = await bundleOf({ ...SHARED, ...composition }, 'dist')
    const { text } = outputFiles[0]!
    return { minified: text.length, size: compressed(text) }
  }
  const ours = (file: string) => measure(COMPOSITIONS.find(composition => composition.file === file)!)
  const [core, app, alone] = [await ours('core-tabs'), await ours('core-oauth'), await ours('oauth')]
  const theirs = await measure({
    code: `import { UserManager } from 'oidc-client-ts'
      new UserManager({ authority: 'https://id.example.com', client_id: 'spa', redirect_uri: 'https://app.example.com/back' })`,
  })
  const row = (title: string, { minified, size }: typeof core) => [title, kB(minified), kB(size)]
  const added = { minified: app.minified - core.minified, size: app.size - core.size }
  return table(
    ['', 'min, kB', 'min + brotli, kB'],
    [
      row('an app with **silent-refresh/core**, `shareTabs()` and `oauth()`', app),
      row('of that, what `oauth()` adds to core', added),
      row(`${OURS}, bundled without a client`, alone),
      row(`an app with ${THEIRS}`, theirs),
    ],
  )
}

/** Everyone is signed in; then nobody touches anything while three tokens expire. */
async function tabs(browser: Browser, misses: string[]): Promise<string> {
  const rows: (string | number)[][] = []
  for (const variant of variants) {
    const site = await startSite(variant)
    const opened: Tab[] = []
    try {
      for (let index = 0; index < TABS; index++) {
        const tab = await open(browser, site)
        opened.push(tab)
        if (!(await isSignedIn(tab))) await logIn(tab, index === 0)
      }
      const logins = ofTokens(site, 'authorization_code').length
      site.provider.calls.clear()
      await pause(LIFETIMES * LIFETIME)
      const renewals = ofTokens(site, 'refresh_token')
      const refused = renewals.filter(note => note.includes('invalid_grant')).length
      const statuses = await Promise.all(opened.map(callApi))
      const signedIn = statuses.filter(status => status === 200).length
      rows.push([
        variant.title,
        code(variant.store),
        logins,
        renewals.length,
        refused,
        `${signedIn} of ${TABS}`,
      ])
      if (!isOurs(variant)) continue
      // One for each lifetime, less what it is renewed ahead.
      const most = Math.ceil((LIFETIMES * LIFETIME) / (LIFETIME - AHEAD))
      if (renewals.length > most) misses.push(`oauth, ${TABS} tabs: ${renewals.length} renewals, bar ${most}`)
      if (signedIn < TABS) misses.push(`oauth, ${TABS} tabs: ${signedIn} signed in`)
    } finally {
      await end(site, opened)
    }
  }
  return table(['', 'store', 'logins', 'renewals', 'of these refused', 'tabs signed in after'], rows)
}

/** Each with a site of its own, all at once. The logins one after the other: they share the provider's cookie. */
async function atOnce<Result>(
  browser: Browser,
  chosen: readonly Variant[],
  play: (site: Site, tab: Tab, index: number) => Promise<Result>,
): Promise<Result[]> {
  const opened: { site: Site; tab: Tab }[] = []
  try {
    for (const variant of chosen) {
      const site = await startSite(variant)
      const tab = await open(browser, site)
      opened.push({ site, tab })
      await logIn(tab)
    }
    return await Promise.all(opened.map(({ site, tab }, index) => play(site, tab, index)))
  } finally {
    for (const { site, tab } of opened) await end(site, [tab])
  }
}

/** The provider is away from before a renewal until after the token has expired. */
async function outage(browser: Browser, misses: string[]): Promise<string> {
  const cases = (Object.keys(FAILURES) as (keyof typeof FAILURES)[]).flatMap(failure =>
    variants.filter(({ store }) => store === 'sessionStorage').map(variant => ({ failure, variant })),
  )
  const rows = await atOnce(
    browser,
    cases.map(({ variant }) => variant),
    async (site, tab, index) => {
      const { failure, variant } = cases[index]!
      // A token whose life begins now, so that it is due, and then expires, within the outage.
      await canRenew(tab)
      site.provider.calls.clear()
      site.provider.outage.set({ failure })
      await pause(OUTAGE)
      const calls = site.provider.calls.count('token')
      const during = await isSignedIn(tab)
      site.provider.outage.set({})
      let after = false
      for (let seconds = 0; !after && seconds < OUTAGE; seconds++) {
        await pause(1)
        after = (await callApi(tab)) === 200
      }
      const byHand = after || (await canRenew(tab))
      if (isOurs(variant) && !(during && after)) {
        misses.push(`oauth, ${FAILURES[failure]}: ${during ? '' : 'not '}kept, ${after ? '' : 'not '}back`)
      }
      return [
        variant.title,
        FAILURES[failure],
        calls,
        during ? 'signed in' : 'signed out',
        after ? 'yes' : 'no',
        byHand ? 'yes' : 'no',
      ]
    },
  )
  return table(
    [
      '',
      'the provider',
      'token calls',
      'the page then says',
      'requests work again',
      'or after a renewal by hand',
    ],
    rows,
  )
}

/** A page that is loaded again, while its token is good, and long after. */
async function reload(browser: Browser, misses: string[]): Promise<string> {
  const rows = await atOnce(browser, variants, async (site, tab, index) => {
    const variant = variants[index]!
    const cells: string[] = []
    for (const isExpired of [false, true]) {
      if (isExpired) {
        await tab.goto(`${site.url}/empty`)
        await pause(LIFETIME + 2)
      }
      site.provider.calls.clear()
      await tab.goto(`${site.url}/`)
      await ready(tab)
      const isIn = await isSignedIn(tab)
      const status = await callApi(tab)
      const sent = site.provider.calls
        .all()
        .flatMap(({ endpoint }) => (endpoint === 'userinfo' ? [] : endpoint))
      const works = isIn && status === 200
      cells.push(sent.join(', ') || 'nothing', works ? 'yes' : 'no')
      if (isOurs(variant) && !works) misses.push(`oauth, reload: signed out`)
    }
    return [variant.title, code(variant.store), ...cells]
  })
  return table(['', 'store', 'sent, token good', 'signed in', 'sent, token expired', 'signed in'], rows)
}

/** The address with the code, in two tabs: the second one later, or both at once. */
async function twice(browser: Browser, misses: string[]): Promise<string> {
  const rows: (string | number)[][] = []
  for (const when of ['later', 'at once'] as const) {
    for (const variant of variants) {
      const site = await startSite(variant)
      const opened = [await open(browser, site)]
      try {
        const [first] = opened as [Tab]
        await toCallback(site, first)
        // `window.open` copies the sessionStorage, as the browser's own "Duplicate" does.
        if (when === 'later') {
          const address = await first.url()
          await first.reload()
          await ready(first)
          await first.evaluate(address => void window.open(address), address)
        } else {
          await first.evaluate(() => {
            window.open(location.href)
            location.reload()
          })
        }
        let copies: Tab[] = []
        await until(async () => {
          copies = await browser.windows()
          return copies.length > 0
        })
        opened.push(copies[0]!)
        for (const tab of opened) await ready(tab)
        const exchanges = ofTokens(site, 'authorization_code').length
        const errors = (await Promise.all(opened.map(errorOf))).filter(error => error !== null)
        const signedIn = (await Promise.all(opened.map(isSignedIn))).filter(Boolean).length
        const renewed: boolean[] = []
        for (const tab of opened) renewed.push(await canRenew(tab))
        const isKept = renewed.some(Boolean)
        const row = [exchanges, `${signedIn} of 2`, errors.join(', ') || 'none', isKept ? 'kept' : 'lost']
        rows.push([variant.title, code(variant.store), when, ...row])
        if (isOurs(variant) && !(exchanges === 1 && signedIn === 2 && isKept)) {
          misses.push(`oauth, twice, ${when}: ${row.join('; ')}`)
        }
      } finally {
        await end(site, opened)
      }
    }
  }
  return table(
    ['', 'store', 'the copy comes', 'codes sent', 'tabs signed in', 'error for the app', 'session'],
    rows,
  )
}

/** To the provider, and back to an address whose script has not run. */
async function toCallback(site: Site, tab: Tab): Promise<void> {
  site.holds = true
  await leave(tab)
  await fillIn(tab)
  await tab.waitFor(() => location.pathname === '/back')
  site.holds = false
}

async function end(site: Site, tabs: Tab[]): Promise<void> {
  for (const tab of tabs) await tab.close()
  await site.close()
}

const isOurs = ({ title }: Variant): boolean => title === OURS
const code = (text: string): string => `\`${text}\``

/** What was asked of the token endpoint by this grant, with the error that it was answered. */
const ofTokens = ({ provider }: Site, grant: string): string[] =>
  provider.calls
    .of('token')
    .map(({ note }) => note)
    .filter(note => note.startsWith(grant))
