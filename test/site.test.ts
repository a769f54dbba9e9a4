// @vitest-environment node
import { globSync, mkdirSync, mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { describe, expect, test } from 'vitest'
import { brokenLinks } from '../docs/.vitepress/built-links.ts'
import { repositoryOf, siteLink } from '../docs/.vitepress/links.ts'
import { addressOf, isPage, pagesOf, SECTIONS } from '../docs/.vitepress/pages.ts'
import { termsOf, wordsOf } from '../docs/.vitepress/search.ts'
import { slugOf } from '../docs/.vitepress/slug.ts'
import { root } from './tools/report.ts'

describe('the sidebar', () => {
  const listed = SECTIONS.flatMap(pagesOf)

  test('lists every page once, and no other', () => {
    const files = globSync(['*.md', 'docs/**/*.md'], { cwd: root, exclude: ['docs/reference/**'] })
    expect(listed.map(({ file }) => file).sort()).toEqual(files.sort())
  })

  test('gives every page a short name of its own', () => {
    const names = listed.map(({ text }) => text)
    expect(names.filter(name => name.length > 45 || name.endsWith('.md'))).toEqual([])
    expect(new Set(names).size).toBe(names.length)
  })

  test('every page has an address of its own, in capital or small letters', () => {
    const addresses = listed.map(({ file }) => addressOf(file).toLowerCase())
    expect(new Set(addresses).size).toBe(addresses.length)
    expect(listed.filter(({ file }) => !isPage(file))).toEqual([])
  })
})

describe('a link of a page, on the site', () => {
  const repository = 'https://github.com/example/silent-refresh'
  const from = (file: string, href: string) => siteLink(href, file, repository)

  test('leads to the page of the file', () => {
    expect(from('docs/guide.md', 'backend.md')).toBe('/backend.md')
    expect(from('docs/guide.md', 'providers/okta.md#what-to-set')).toBe('/providers/okta.md#what-to-set')
    expect(from('docs/providers/okta.md', '../oauth.md')).toBe('/oauth.md')
    expect(from('README.md', 'docs/guide.md#without-a-framework')).toBe('/guide.md#without-a-framework')
    expect(from('docs/guide.md', '../README.md')).toBe('/index.md')
    expect(from('docs/backend.md', '../SECURITY.md')).toBe('/security-policy.md')
    expect(from('CONTRIBUTING.md', 'CHANGELOG.md')).toBe('/changelog.md')
  })

  test('to another file or folder leads to the repository', () => {
    expect(from('docs/architecture.md', '../src/kernel/session.ts')).toBe(
      `${repository}/blob/HEAD/src/kernel/session.ts`,
    )
    expect(from('docs/architecture.md', '../src/kernel')).toBe(`${repository}/tree/HEAD/src/kernel`)
    expect(from('README.md', 'demo/README.md')).toBe(`${repository}/blob/HEAD/demo/README.md`)
    expect(from('SECURITY.md', '../../security/advisories/new')).toBe(`${repository}/security/advisories/new`)
  })

  test('into the repository has no address as long as nobody knows that of the repository', () => {
    expect(siteLink('../src/types.ts', 'docs/guide.md', null)).toBeNull()
    expect(siteLink('../../issues', 'SECURITY.md', null)).toBeNull()
    expect(siteLink('backend.md', 'docs/guide.md', null)).toBe('/backend.md')
  })

  test('to a place of the same page, or to another site, stays as it is', () => {
    for (const href of ['#cors', 'https://example.com/a.md', 'mailto:a@example.com', '//example.com/']) {
      expect(from('docs/backend.md', href)).toBe(href)
    }
  })

  test('to a file that does not exist fails', () => {
    expect(() => from('docs/guide.md', '../src/kernel/nothing.ts')).toThrow(
      'docs/guide.md links to ../src/kernel/nothing.ts',
    )
  })
})

test.each([
  ['git+https://github.com/example/app.git', 'https://github.com/example/app'],
  ['https://codeberg.org/example/app', 'https://codeberg.org/example/app'],
  ['git@github.com:example/app.git', 'https://github.com/example/app'],
  ['ssh://git@github.com/example/app.git', 'https://github.com/example/app'],
  ['github:example/app', 'https://github.com/example/app'],
  ['example/app', 'https://github.com/example/app'],
])('the repository %s has the address %s', (repository, address) => {
  expect(repositoryOf({ repository })).toBe(address)
  expect(repositoryOf({ repository: { url: repository } })).toBe(address)
})

test('where package.json names no repository, the workflow that builds the site does', () => {
  const env = { GITHUB_SERVER_URL: 'https://github.com', GITHUB_REPOSITORY: 'example/app' }
  expect(repositoryOf({}, env)).toBe('https://github.com/example/app')
  expect(repositoryOf({ repository: 'https://example.org/app' }, env)).toBe('https://example.org/app')
  expect(repositoryOf({})).toBeNull()
})

test('an anchor is the one that the repository’s host makes', () => {
  expect(slugOf('A refresh token that JavaScript can read')).toBe('a-refresh-token-that-javascript-can-read')
  expect(slugOf('An OAuth 2.0 server')).toBe('an-oauth-20-server')
  expect(slugOf('auth.api & auth.fetch')).toBe('authapi--authfetch')
})

test('the search knows words with a hyphen as a whole and by their parts', () => {
  expect(termsOf('A re-render, `silent-refresh/core`: 401 - retry_at')).toEqual([
    'A',
    're-render',
    'render',
    'silent-refresh',
    'silent',
    'refresh',
    'core',
    '401',
    'retry_at',
  ])
  expect(wordsOf('re-render, expiry?')).toEqual(['re-render', 'expiry'])
})

describe('a built site', () => {
  const brokenIn = (files: Record<string, string>, base = '/') => {
    const folder = mkdtempSync(join(tmpdir(), 'site-'))
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(dirname(resolve(folder, path)), { recursive: true })
      writeFileSync(resolve(folder, path), text)
    }
    return brokenLinks(folder, base)
  }

  test('with links that lead somewhere has no broken ones', () => {
    expect(
      brokenIn({
        'index.html':
          '<a href="/guide.html#cors">a</a><a href="/">b</a><a href="https://example.com/x">c</a>',
        'guide.html': '<h2 id="cors">CORS</h2><a href="#cors">a</a><a href="./index.html?x=1">b</a>',
        'deep/index.html': '<img src="../picture.svg"><a href="/deep/">here</a>',
        'picture.svg': '<svg/>',
      }),
    ).toEqual([])
  })

  test('names each link to a missing page, place or picture', () => {
    expect(
      brokenIn({
        'index.html': '<a href="/gone.html">a</a><a href="/guide.html#gone">b</a><img src="/gone.png">',
        'guide.html': '<a href="#gone">a</a>',
      }),
    ).toEqual([
      'guide.html → #gone',
      'index.html → /gone.html',
      'index.html → /guide.html#gone',
      'index.html → /gone.png',
    ])
  })

  test('under a path of its host, a link beside that path leads nowhere', () => {
    const files = {
      'index.html': '<a href="/app/guide.html">a</a><a href="/guide.html">b</a>',
      'guide.html': '',
    }
    expect(brokenIn(files, '/app/')).toEqual(['index.html → /guide.html'])
  })
})
