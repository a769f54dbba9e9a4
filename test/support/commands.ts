import type fc from 'fast-check'

interface Timed {
  readonly tabs: readonly { readonly clock: { tick(ms: number): void } }[]
}

type MakeCommand<Model extends object, Real> = (
  name: string,
  check: (model: Model) => boolean,
  run: (model: Model, real: Real) => Promise<void>,
) => fc.AsyncCommand<Model, Real>

/**
 * Makes commands for `fc.asyncModelRun`. They are plain objects: what it needs, what it does to the model and to the real
 * thing, its name in a report. `look` compares the two after each, when all has settled.
 */
export const commandsOf =
  <Model extends object, Real extends Timed>(
    settled: (real: Real) => Promise<void>,
    look: (model: Model, real: Real) => void,
  ): MakeCommand<Model, Real> =>
  (name, check, run) => ({
    check: model => check(model),
    async run(model, real) {
      // A generation is a moment where somebody decides: no two decisions of a user fall into one millisecond.
      real.tabs[0]!.clock.tick(1)
      await run(model, real)
      await settled(real)
      look(model, real)
    },
    toString: () => name,
  })
