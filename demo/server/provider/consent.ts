import type { Context, Grant } from 'oidc-provider'

/** Nobody is asked for consent: all clients here are the user's own, and get what they ask for. */
export const grantAll = async ({ oidc }: Context): Promise<Grant> => {
  const { provider, session, client } = oidc
  const owner = { accountId: session.accountId, clientId: client.clientId }
  const id = session.grantIdFor(client.clientId)
  // The one of before may be revoked by now.
  const grant = (id && (await provider.Grant.find(id))) || new provider.Grant(owner)
  grant.addOIDCScope([...oidc.requestParamOIDCScopes].join(' '))
  for (const [resource, { scope }] of Object.entries(oidc.resourceServers)) {
    grant.addResourceScope(resource, scope)
  }
  await grant.save()
  return grant
}
