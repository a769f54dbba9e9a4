export const HELP = `Tries a running backend as a browser would, and reports what silent-refresh needs and the backend lacks.

  npx silent-refresh-contract http://127.0.0.1:4000 [options]
  npx -p silent-refresh silent-refresh-contract …   where silent-refresh is not installed

how its tokens travel
  --mode MODE            one of these (bearer)
                         bearer: access token in the body, refresh token in a cookie
                         cookie: both in cookies, with a CSRF value
                         body: both in the body
                         sliding: an access token in the body, which renews itself

where it is
  --login PATH           the login (/auth/login)
  --refresh PATH         the refresh (/auth/refresh_token)
  --logout PATH          the logout (/auth/logout)
  --api PATH             a GET route that needs an access token (/user/whoami)
  --me PATH              cookie mode: the user endpoint (/auth/me)
  --api-post PATH        cookie mode: a POST route that needs an access token. It gets the body {}
  --origin ORIGIN        the origin of your page, if it is not that of the backend
  --cors                 checks CORS for --origin too
  --header 'NAME: VALUE' a header of every request; can be repeated

who signs in
  --user TEXT            (ada@example.com)
  --password TEXT        (correct horse battery staple)
  --user-field NAME      the field of the login that has the user (email)
  --password-field NAME  the field that has the password (password)
  --field 'NAME=VALUE'   one more field; can be repeated
  --form                 the login is a form instead of JSON

what comes back
  --token-field PATH     the access token, such as data.token; your client then needs readTokens
  --refresh-field PATH   body mode: the refresh token. A refresh sends it by the last of these names
  --expires-field PATH   the lifetime of the access token in seconds
  --cookie NAME          the refresh cookie, if it cannot be guessed
  --access-cookie NAME   cookie mode: the access cookie, if it cannot be guessed
  --csrf-cookie NAME     cookie mode: the cookie with the CSRF value (XSRF-TOKEN)
  --csrf-header NAME     cookie mode: the header that sends it back (X-XSRF-TOKEN)

checks
  --grace SECONDS        the grace of your server, which is waited for; 0: it has none (10)
  --patience SECONDS     how long to wait at most until an access token expires (20)
  --without POINT        a point that does not apply, or a group such as grace; can be repeated
  --list                 prints the points that apply in the mode
  --json                 prints the report as JSON
  --help                 prints this text

It exits with 0 if all points hold, with 1 if one fails, and with 2 if it could not run.
`
