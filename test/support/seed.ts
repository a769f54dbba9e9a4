import fc from 'fast-check'

// The same programs in every run of CI; `SEED=<number>` and `npm run explore` look for others.
fc.configureGlobal({ seed: Number(process.env.SEED ?? 20_261_122) })
