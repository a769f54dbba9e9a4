import { exportJWK, generateKeyPair, type JWK } from 'jose'

const ALGORITHMS = ['RS256', 'ES256'] as const
export type Algorithm = (typeof ALGORITHMS)[number]

export interface ProviderKeys {
  private: JWK[]
  public: JWK[]
}

/** One for each algorithm that a client may choose for its id tokens. */
export const createProviderKeys = async (): Promise<ProviderKeys> => {
  const pairs = await Promise.all(
    ALGORITHMS.map(async alg => {
      const { publicKey, privateKey } = await generateKeyPair(alg, { extractable: true })
      const described = { alg, use: 'sig', kid: alg }
      return {
        private: { ...(await exportJWK(privateKey)), ...described },
        public: { ...(await exportJWK(publicKey)), ...described },
      }
    }),
  )
  return { private: pairs.map(pair => pair.private), public: pairs.map(pair => pair.public) }
}
