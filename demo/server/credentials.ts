const PASSWORD = 'correct horse battery staple'

/** Who can log in to the demo. */
export const DEMO_CREDENTIALS: readonly { email: string; password: string; name: string }[] = [
  { email: 'ada@example.com', password: PASSWORD, name: 'Ada Lovelace' },
  { email: 'grace@example.com', password: PASSWORD, name: 'Grace Hopper' },
]

/** What each of them finds there. */
export const SEED_ITEMS: readonly string[] = [
  'Write the first program',
  'Read the notes on the engine',
  'Find the moth in the relay',
]
