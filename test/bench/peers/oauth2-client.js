import { OAuth2Client, OAuth2Fetch } from '@badgateway/oauth2-client'

/** As its README has it, with the password grant for the login. */
export async function create(origin) {
  const client = new OAuth2Client({ server: origin, clientId: 'bench', tokenEndpoint: '/token' })
  let isSignedIn = false
  const wrapper = new OAuth2Fetch({
    client,
    getNewToken: () => {
      if (isSignedIn) return null // a page cannot sign in without its user
      isSignedIn = true
      return client.password({ username: 'ada', password: 'right' })
    },
  })
  return {
    login: () => wrapper.getAccessToken(),
    get: async url => {
      const response = await wrapper.fetch(url)
      await response.text()
      return response.status
    },
  }
}
