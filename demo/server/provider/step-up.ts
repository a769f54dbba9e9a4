import { type Context, interactionPolicy } from 'oidc-provider'

/** How well the user has shown who it is. The form asks the same of everybody, and claims what was asked for. */
export const ACR_VALUES = ['urn:silent-refresh:password', 'urn:silent-refresh:two-factor'] as const

const wanted = (acrValues: string | undefined): string[] => acrValues?.split(' ').filter(Boolean) ?? []

/** What a login counts as that was asked for with these `acr_values`. */
export const acrFor = (acrValues: string | undefined): string =>
  ACR_VALUES.find(known => wanted(acrValues).includes(known)) ?? ACR_VALUES[0]

const needsLogin = ({ oidc }: Context): boolean => {
  const values = wanted(oidc.params?.acr_values)
  return values.length > 0 && !oidc.result?.login && !values.includes(oidc.session.acr ?? '')
}

/** oidc-provider takes `acr_values` for a wish. Here a session that has shown less has to log in again. */
export const createPolicy = (): object => {
  const { base, Check } = interactionPolicy
  const policy = base()
  policy
    .get('login')
    .checks.add(
      new Check(
        'acr',
        'the session does not reach the acr_values that were asked for',
        'login_required',
        needsLogin,
      ),
    )
  return policy
}
