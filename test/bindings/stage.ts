import { afterEach, beforeEach, expect, vi } from 'vitest'
import type { Session } from '../../src/types.ts'

export const status = (session: Session): Session['status'] => session.status

export interface Stage {
  /** An element of the page, new for each test. */
  readonly container: HTMLElement
  readonly shown: string
  /** What the framework has to complain about: nothing. */
  complaints: unknown[][]
  /** How often something was rendered. */
  renders: number
}

/** What shows who is signed in, or else the status, follows a login as ada and a logout. Both wait for the framework. */
export async function expectToFollow(
  shown: () => string | undefined,
  login: () => Promise<unknown>,
  logout: () => Promise<unknown>,
): Promise<void> {
  expect(shown()).toBe('"unknown"')
  await login()
  expect(shown()).toBe('"ada"')
  await logout()
  expect(shown()).toBe('"anonymous"')
}

/** What each test of a framework shows its components on. What the file itself undoes is undone before. */
export function createStage(): Stage {
  let container: HTMLElement
  const stage: Stage = {
    get container() {
      return container
    },
    get shown() {
      return container.textContent
    },
    complaints: [],
    renders: 0,
  }
  beforeEach(() => {
    container = document.body.appendChild(document.createElement('div'))
    stage.complaints = []
    stage.renders = 0
    for (const method of ['warn', 'error'] as const) {
      vi.spyOn(console, method).mockImplementation((...words) => stage.complaints.push(words))
    }
  })
  afterEach(() => {
    container.remove()
    vi.restoreAllMocks()
    expect(stage.complaints).toEqual([])
  })
  return stage
}
