import { spawnSync } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { root, type TestCase } from './tools/report.ts'

// `npm run mutants [-- --only <text>]`: breaks the lines that matter most, one at a time, in a copy of the tree, and
// says for each which test noticed. Fails where none did, and where a line is no longer what it was. `--check` looks at
// the lines alone.

interface Mutant {
  file: string
  /** Stands exactly once in the file. */
  from: string
  to: string
  breaks: string
  /** The file of the tests that have to notice. */
  test: string
}

const mutants: Mutant[] = [
  {
    file: 'refresh.ts',
    from: 'flight?.version === session.version ? flight.after : ANY_TIME',
    to: 'flight?.after ?? ANY_TIME',
    breaks: 'A refresh() that a logout elsewhere has overtaken keeps out who signs in there next.',
    test: 'redirect-login',
  },
  // What was told before a tab could hear it
  {
    file: 'tabs.ts',
    from: "if (isLate) post({ type: 'ask', generation: message.generation })",
    to: '',
    breaks:
      'A tab that the signed-out marker kept anonymous never hears of a login from just before it opened its channel.',
    test: 'tabs',
  },
  // Deadlines
  {
    file: 'clock.ts',
    from: 'Math.min(at.wall - clock.now(), at.monotonic - clock.monotonic())',
    to: 'at.wall - clock.now()',
    breaks: 'A wall clock that is set back lengthens the life of a token.',
    test: 'time',
  },
  {
    file: 'clock.ts',
    from: 'Math.min(at.wall - clock.now(), at.monotonic - clock.monotonic())',
    to: 'at.monotonic - clock.monotonic()',
    breaks: 'A token that died in the sleep of the machine counts as good.',
    test: 'time',
  },
  {
    file: 'session.ts',
    from: 'remaining(clock, expires) <= ms',
    to: 'remaining(clock, expires) < ms',
    breaks: 'A token is sent in the very moment in which it ends.',
    test: 'time',
  },
  {
    file: 'session.ts',
    from: 'const margin = Math.max(0, Math.min(ahead, MAX_MARGIN))',
    to: 'const margin = 0',
    breaks: 'A token goes out that dies on its way.',
    test: 'time',
  },
  {
    file: 'scheduler.ts',
    from: 'Math.min(Math.ceil(Math.max(due, refresher.wait(need))), MAX_TIMER)',
    to: 'Math.ceil(Math.max(due, refresher.wait(need)))',
    breaks: 'The timer of a token that lives for two months rings at once.',
    test: 'time',
  },
  {
    file: 'endpoints.ts',
    from: 'return { set, body, status, serverDate, sentAt }',
    to: 'return { set, body, status, serverDate, sentAt: instant(environment) }',
    breaks: 'A life counts from when the answer is read, hours after it was given.',
    test: 'time',
  },
  {
    file: 'authorized-fetch.ts',
    from: 'if (isOver())\n',
    to: 'if (false)\n',
    breaks: 'A token that is dead after two refreshes is sent.',
    test: 'time',
  },

  // Who is who
  {
    file: 'session.ts',
    from: 'Math.max(generation + 1, seen + 1, ',
    to: 'Math.max(generation + 1, ',
    breaks: 'What is done here looks older than what another tab has shown.',
    test: 'tabs',
  },
  {
    file: 'session.ts',
    from: 'isDecision ? Math.floor(environment.now()) : 0',
    to: '0',
    breaks: 'A logout in a tab that was opened just now looks older than a refresh.',
    test: 'tabs',
  },
  {
    file: 'session.ts',
    from: 'if (isNew) decided = generation',
    to: '',
    breaks: 'An old logout, heard late, ends a new login.',
    test: 'tabs',
  },
  {
    file: 'session.ts',
    from: 'version++\n      held = null\n      refreshToken = undefined',
    to: 'held = null\n      refreshToken = undefined',
    breaks: 'An answer that was on its way at the logout brings the session back.',
    test: 'lifecycle',
  },
  {
    file: 'session.ts',
    from: "cause === 'refresh' && !isNew && before",
    to: 'before',
    breaks: 'With opaque tokens the next user is taken for the one before.',
    test: 'lifecycle',
  },
  {
    file: 'session.ts',
    from: 'generation = 0\n      version++\n      held = null',
    to: 'generation = 0\n      version++',
    breaks: 'A page back from the bfcache has its token before anybody was asked.',
    test: 'tabs',
  },
  {
    file: 'client.ts',
    from: "if (type === 'pageshow' && persisted && !isLone) {",
    to: 'if (false) {',
    breaks: 'A page back from the bfcache goes on as if it had never been away.',
    test: 'tabs',
  },

  // Refresh: wanted still, once for all
  {
    file: 'refresh.ts',
    from: 'session.version === current.version && !disposed',
    to: '!disposed',
    breaks: 'A result that was asked for by an older session is used.',
    test: 'lifecycle',
  },
  {
    file: 'refresh.ts',
    from: 'session.version === current.version && !disposed',
    to: 'session.version === current.version',
    breaks: 'A disposed client takes a session up.',
    test: 'lifecycle',
  },
  {
    file: 'refresh.ts',
    from: 'signal.aborted || events.bars()) return',
    to: 'signal.aborted) return',
    breaks: 'A logout elsewhere, during the wait for the lock, does not hold the refresh back.',
    test: 'tabs',
  },
  {
    file: 'refresh.ts',
    from: 'while (current.after !== after && !isAnswered())',
    to: 'while (false)',
    breaks:
      'An explicit refresh() joins a refresh by another tab that began before it, and never hears of its end.',
    test: 'redirect-login',
  },
  {
    file: 'refresh.ts',
    from: 'if (settings.sliding) return ANY_TIME',
    to: '',
    breaks: 'refresh() makes a new page anonymous beside tabs that have the token.',
    test: 'redirect-login',
  },
  {
    file: 'refresh.ts',
    from: 'if (!next.sent) next.controller.abort(reason)',
    to: '',
    breaks: 'A client that waits for another tab leaves its timer behind when it is disposed.',
    test: 'tabs',
  },
  {
    file: 'client.ts',
    from: '.then(error => error ?? askAnew())',
    to: '',
    breaks: 'refresh() says that nobody is signed in while the tab asks who it is.',
    test: 'redirect-login',
  },
  {
    file: 'client.ts',
    from: "handingOver.offer(isNew ? 'login' : cause)",
    to: 'handingOver.offer(cause)',
    breaks: 'Tabs that are told no token do not follow a login by redirect.',
    test: 'redirect-login',
  },
  {
    file: 'tabs.ts',
    from: '(since === 0 && inbox.isRefreshing())',
    to: 'inbox.isRefreshing()',
    breaks: 'Forged questions during a refresh use up what the app may refresh.',
    test: 'tabs',
  },
  {
    file: 'tabs.ts',
    from: 'Math.min(message.since ?? 0, environment.now())',
    to: '(message.since ?? 0)',
    breaks: 'A forged question from the future costs two refreshes.',
    test: 'tabs',
  },
  {
    file: 'tabs.ts',
    from: 'since = isStill && !isKnown ? last.since : now',
    to: 'since = now',
    breaks: 'A login counts the time of a frozen tab anew, after the refresh that it takes the place of.',
    test: 'tabs',
  },
  {
    file: 'endpoints.ts',
    from: '(Object.hasOwn(body, name) && body[name as never]) || undefined',
    to: 'Object.hasOwn(body, name) ? body[name as never] : undefined',
    breaks: 'A login answer whose members are all empty signs somebody in.',
    test: 'signing-in',
  },
  {
    file: 'endpoints.ts',
    from: "isEmpty(own('user')) ? undefined : own('user')",
    to: "own('user')",
    breaks: 'A login answer with a user who is nobody signs in.',
    test: 'signing-in',
  },
  {
    file: 'handover.ts',
    from: 'return session.see(generation)',
    to: 'return',
    breaks: 'A decision looks as old as what another tab came to during the call.',
    test: 'redirect-login',
  },
  {
    file: 'refresh.ts',
    from: 'outcome = postpone(tookTooLong(), timeout, { quiet: true })',
    to: 'outcome = tookTooLong()',
    breaks:
      'Beside a tab that stays frozen with the lock, a due refresh is tried again and again without a pause.',
    test: 'tabs',
  },
  {
    file: 'refresh.ts',
    from: 'const isCaughtUp = await tabs.catchUp(current.after)',
    to: 'const isCaughtUp = false',
    breaks: 'Each tab refreshes for itself, one after the other.',
    test: 'tabs',
  },
  {
    file: 'refresh.ts',
    from: 'if (isCaughtUp || !isWanted()) return',
    to: 'if (isCaughtUp) return',
    breaks: 'A logout while the lock is got lets the refresh go out.',
    test: 'tabs',
  },
  {
    file: 'refresh.ts',
    from: 'if (pausedFor(need) > 0) outcome = pause()!.error',
    to: 'if (false) outcome = null',
    breaks: 'A failure that another tab had, during the wait for the lock, is had again by each.',
    test: 'tabs',
  },
  {
    file: 'refresh.ts',
    from: 'else if (alone && tokens?.refreshToken) {',
    to: 'else if (false) {',
    breaks: 'A refresh token in script is sent beside a tab that may be sending it.',
    test: 'tabs',
  },
  {
    file: 'refresh.ts',
    from: 'if (flight?.version === session.version && !isTooEarly) {',
    to: 'if (flight && !isTooEarly) {',
    breaks: 'A refresh of the new session gets the outcome of the old one.',
    test: 'lifecycle',
  },
  {
    file: 'refresh.ts',
    from: 'undo()\n      if (flight === current) flight = null',
    to: 'if (flight === current) flight = null',
    breaks: 'A refresh that has ended is told as late.',
    test: 'lifecycle',
  },
  {
    file: 'refresh.ts',
    from: '    } finally {\n      undo()\n    }\n',
    to: '    }\n',
    breaks: 'The second bound of a refresh outlives its answer.',
    test: 'lifecycle',
  },
  {
    file: 'refresh.ts',
    from: 'remaining(environment, slow) <= 0 && (await tabs.catchUp(current.after))',
    to: 'false',
    breaks: 'A tab that was frozen puts an old answer over what the others have.',
    test: 'tabs',
  },
  {
    file: 'refresh.ts',
    from: 'if (isWanted()) return failed(',
    to: 'return failed(',
    breaks: 'A refusal of the old session ends the new one.',
    test: 'lifecycle',
  },
  {
    file: 'refresh.ts',
    from: 'if (isSpent || session.version === current.version) session.rotate(refreshToken)',
    to: 'session.rotate(refreshToken)',
    breaks: 'A late answer puts its refresh token into another session.',
    test: 'lifecycle',
  },
  {
    file: 'refresh.ts',
    from: 'token.accessToken === held?.accessToken && isExpired(environment, held)',
    to: 'false',
    breaks: 'The dead token, handed back, is taken for a fresh one.',
    test: 'failure',
  },

  // Final or passing
  {
    file: 'refresh.ts',
    from: 'if (held && !current.dead && !isExpired(environment, held)) {',
    to: 'if (false) {',
    breaks: 'A refusal ends the session while its token still works.',
    test: 'failure',
  },
  {
    file: 'refresh.ts',
    from: 'if (held && !current.dead && !isExpired(environment, held)) {',
    to: 'if (held && !isExpired(environment, held)) {',
    breaks: 'A session whose token the API refuses, and whose refresh is refused, never ends.',
    test: 'failure',
  },
  {
    file: 'refresh.ts',
    from: 'if (held && !current.dead && !isExpired(environment, held)) {',
    to: 'if (held && !current.dead) {',
    breaks: 'A refusal that comes when the token is dead does not end the session.',
    test: 'failure',
  },
  {
    file: 'authorized-fetch.ts',
    from: "if (error?.code !== 'refresh_rejected' || isOver()) raise(error)",
    to: 'raise(error)',
    breaks: 'A refused refresh fails requests whose token still works.',
    test: 'failure',
  },
  {
    file: 'options.ts',
    from: '(status === 400 || status === 401 || status === 403) && !isHtml(body)',
    to: 'status === 400 || status === 401 || status === 403',
    breaks: 'The 403 page of a captive portal signs everybody out.',
    test: 'failure',
  },
  {
    file: 'options.ts',
    from: '(status === 400 || status === 401 || status === 403) && !isHtml(body)',
    to: 'status >= 400 && status < 500 && !isHtml(body)',
    breaks: 'A 404 or a 429 signs everybody out.',
    test: 'failure',
  },
  {
    file: 'refresh.ts',
    from: 'error.retryAt === undefined ? 0 : Math.max(0, error.retryAt - environment.now())',
    to: '0',
    breaks: 'Retry-After is not honoured.',
    test: 'failure',
  },
  {
    file: 'endpoints.ts',
    from: '(serverDate || now)',
    to: 'now',
    breaks: 'A Retry-After date is compared with a clock that may be hours off.',
    test: 'failure',
  },
  {
    file: 'refresh.ts',
    from: 'current.bound || remaining(environment, current.until) <= BACKOFF',
    to: 'remaining(environment, current.until) <= BACKOFF',
    breaks: 'Coming online overrules the Retry-After of the server.',
    test: 'failure',
  },
  {
    file: 'refresh.ts',
    from: 'lastPause?.generation === session.generation ? lastPause : null',
    to: 'lastPause',
    breaks: 'The backoff of one session holds the next one back.',
    test: 'failure',
  },
  {
    file: 'refresh.ts',
    from: 'starts.length < BURST || hasSlidOut() ? 0 : Math.max(0, starts[0]! + BURST_SPAN - environment.monotonic())',
    to: '0',
    breaks: 'Tokens that die at once, or an API that refuses all, refresh without end.',
    test: 'requests',
  },

  // Where the bearer goes, and what is sent twice
  {
    file: 'allowed-urls.ts',
    from: 'allowedOrigins.has(origin)',
    to: '[...allowedOrigins].some(allowed => href.startsWith(allowed))',
    breaks: 'The bearer goes to every host whose name begins like ours.',
    test: 'requests',
  },
  {
    file: 'allowed-urls.ts',
    from: "if (protocol !== 'https:' && protocol !== 'http:') return null",
    to: '',
    breaks: 'A blob: URL made by the API page counts as the API.',
    test: 'requests',
  },
  {
    file: 'bearer.ts',
    from: 'delete headers[name]',
    to: '',
    breaks: 'A retry that copied our header carries the token to a stranger.',
    test: 'requests',
  },
  {
    file: 'authorized-fetch.ts',
    from: '!response.redirected || judge(response.url) !== null',
    to: 'true',
    breaks: "A stranger's 401, met by a redirect, makes us refresh.",
    test: 'requests',
  },
  {
    file: 'authorized-fetch.ts',
    from: '(session.held !== sent && !isOver())',
    to: 'false',
    breaks: 'A 401 for an old token refreshes a new one.',
    test: 'requests',
  },
  {
    file: 'authorized-fetch.ts',
    from: 'held && held !== sent && isSameIdentity(held.identity, sent.identity) ? held : null',
    to: 'held && held !== sent ? held : null',
    breaks: 'A request of the old user is replayed as the new one.',
    test: 'lifecycle',
  },
  {
    file: 'authorized-fetch.ts',
    from: 'if (isSameIdentity(token.identity, identity)) return token',
    to: 'return token',
    breaks: 'What was queued for one user goes out as another.',
    test: 'lifecycle',
  },
  {
    file: 'authorized-fetch.ts',
    from: "if (!token) throw new AuthError('no_session'",
    to: "if (!token) return null\n    if (!identity) throw new AuthError('no_session'",
    breaks: 'A request that waited for a token goes out without one after the logout.',
    test: 'lifecycle',
  },
  {
    file: 'authorized-fetch.ts',
    from: "if (call.isOneShot) return handedBack(call, response, 'one-shot-body')",
    to: '',
    breaks: 'A stream that was read is sent a second time.',
    test: 'requests',
  },
  {
    file: 'token.ts',
    from: '/^[\\x21-\\x7e]{1,65536}$/',
    to: '/^.{1,65536}$/s',
    breaks: 'A token with a line break reaches Headers, whose error quotes it whole.',
    test: 'token',
  },
  {
    file: 'endpoints.ts',
    from: 'expiresAt > environment.now() && settings.allowedOrigins.has(new URL(url).origin)',
    to: 'expiresAt > environment.now()',
    breaks: 'The logout carries the bearer to an origin that may not have it.',
    test: 'secrets',
  },

  // The marker, logout and login
  {
    file: 'client.ts',
    from: '!isApart && marker.stands(session.decided)',
    to: 'false',
    breaks: 'A reload after a logout that the server did not hear is signed in.',
    test: 'lifecycle',
  },
  {
    file: 'marker.ts',
    from: 'stored ?? (stored === null && isStored ? null : known)',
    to: 'stored ?? known',
    breaks: 'A marker that a login elsewhere has lifted still stands in this tab.',
    test: 'tabs',
  },
  {
    file: 'client.ts',
    from: 'if (decides) marker.lift()',
    to: 'if (!told) marker.lift()',
    breaks: 'A restore or a refresh lifts the marker, which only who signs in may.',
    test: 'tabs',
  },
  {
    file: 'revocation.ts',
    from: 'if (session.held || (!asked && !marker.stands(session.decided))) {',
    to: 'if (!asked && !marker.stands(session.decided)) {',
    breaks: 'A logout that waited its turn ends the session that came after it.',
    test: 'lifecycle',
  },
  {
    file: 'revocation.ts',
    from: 'if (session.held || (!asked && !marker.stands(session.decided))) {',
    to: 'if (session.held) {',
    breaks: 'A revocation that is tried again ends a login elsewhere.',
    test: 'tabs',
  },
  {
    file: 'revocation.ts',
    from: 'if (running === current) running = null',
    to: 'running = null',
    breaks: 'A logout that ends lets the server be told once more beside the one under way.',
    test: 'lifecycle',
  },
  {
    file: 'client.ts',
    from: 'inner.throwIfAborted()\n      unlessSuperseded(asked)',
    to: 'inner.throwIfAborted()',
    breaks: 'A login that was on the wire at the logout signs in.',
    test: 'lifecycle',
  },
  {
    file: 'abort.ts',
    from: '  } finally {\n    undo()\n  }',
    to: '  } finally {\n  }',
    breaks: 'The timeout of a call outlives it.',
    test: 'lifecycle',
  },

  // What the tabs tell each other
  {
    file: 'handover.ts',
    from: '(decided === session.decided && generation > session.generation)',
    to: 'decided === session.decided',
    breaks: 'An old session, heard again, replaces the newer one.',
    test: 'tabs',
  },
  {
    file: 'handover.ts',
    from: 'decided > session.decided || (decided === session.decided && generation > session.generation)',
    to: 'generation > session.generation',
    breaks: 'A refresh elsewhere is stronger than what the user decided here.',
    test: 'tabs',
  },
  {
    file: 'client.ts',
    from: "reason === 'rejected' ? news.generation <= generation : news.generation < decided",
    to: "reason !== 'rejected' && news.generation < decided",
    breaks: 'A refusal of an older generation signs this tab out.',
    test: 'tabs',
  },
  {
    file: 'client.ts',
    from: "reason === 'rejected' ? news.generation <= generation : news.generation < decided",
    to: "reason === 'rejected' && news.generation <= generation",
    breaks: 'An old logout, heard after a new login, signs this tab out.',
    test: 'tabs',
  },
  {
    file: 'handover.ts',
    from: 'if (signal.aborted || !isNewer(news)) return',
    to: '',
    breaks: 'A logout while the user of a session from elsewhere is asked for is undone.',
    test: 'tabs',
  },
  {
    file: 'refresh.ts',
    from: 'isFollower || (!held && !tokens && (await tabs.isOwned()))',
    to: 'false',
    breaks: 'A tab without the refresh token asks the server instead of the tab that has it.',
    test: 'tabs',
  },
  {
    file: 'refresh.ts',
    from: 'generation !== session.generation || flight?.sent',
    to: 'flight?.sent',
    breaks: 'The failure of an older session pauses this one.',
    test: 'tabs',
  },
  {
    file: 'tabs.ts',
    from: 'session.see(newest(shown), 0, true)',
    to: '',
    breaks: 'A login under the lock is no newer than what a tab before it did.',
    test: 'tabs',
  },
  {
    file: 'tabs.ts',
    from: 'if (!name || !manager) return',
    to: 'return',
    breaks: 'What a tab holds is shown to nobody: whoever gets the lock next asks the server again.',
    test: 'tabs',
  },
  {
    file: 'messages.ts',
    from: 'value >= 0 && value <= last',
    to: 'value >= 0',
    breaks: 'A forged generation from the far future leaves no room for any other.',
    test: 'tabs',
  },
  {
    file: 'tabs.ts',
    from: 'if (waiting.signal.aborted && !alone) return inTurn',
    to: 'if (false) return inTurn',
    breaks: 'Those who wait no longer for a frozen tab all refresh at once.',
    test: 'tabs',
  },
  {
    file: 'tabs.ts',
    from: "if (type === 'pagehide') {\n      close()",
    to: "if (type === 'pagehide') {",
    breaks: 'A page that is put away keeps its channel and its lock.',
    test: 'tabs',
  },
  {
    file: 'refresh.ts',
    from: 'told ? null : isRefused ? until : bound',
    to: 'isRefused ? until : bound',
    breaks: 'A forged pause holds the refresh back that the app itself asks for.',
    test: 'tabs',
  },
  {
    file: 'client.ts',
    from: "(isOwner || snapshot.status === 'unknown')",
    to: "snapshot.status === 'unknown'",
    breaks: 'A tab that waited in vain for the owner of the refresh token signs that owner out.',
    test: 'storage',
  },
  {
    file: 'client.ts',
    from: "(isOwner || snapshot.status === 'unknown')",
    to: 'isOwner',
    breaks: 'So does it with an owner that is reloading.',
    test: 'storage',
  },

  // What rests in a storage
  {
    file: 'storage.ts',
    from: 'rest?.serial !== undefined && serial < least',
    to: 'false',
    breaks: 'An old copy, of a tab that was duplicated or discarded, is sent again.',
    test: 'storage',
  },
  {
    file: 'storage.ts',
    from: 'found && found.lineage > rest.lineage ? null : write()',
    to: 'write()',
    breaks: 'A refresh of the session before is written over the new one.',
    test: 'storage',
  },
  {
    file: 'storage.ts',
    from: 'found && found.lineage > lineage ? null : attempt(',
    to: 'attempt(',
    breaks: 'Who follows a session removes the refresh token of a newer one.',
    test: 'storage',
  },
  {
    file: 'storage.ts',
    from: 'serial >= expected()',
    to: 'true',
    breaks: 'A token that another tab has used up is sent, since the browser shows the new one late.',
    test: 'storage',
  },
  {
    file: 'session.ts',
    from: 'holds && other > Math.max(seen, generation)',
    to: 'other > seen',
    breaks: 'A tab waits for what nobody writes.',
    test: 'storage',
  },
  {
    file: 'storage.ts',
    from: ' || environment.monotonic() >= since + PATIENCE',
    to: '',
    breaks: 'A tab waits, and keeps the lock, for as long as another goes on without a refresh token.',
    test: 'storage',
  },
  {
    file: 'bearer.ts',
    from: 'let headers = made.get(held)',
    to: 'let headers = made.get((made as any).first ??= held)',
    breaks: 'After a refresh requests still carry the old token.',
    test: 'requests',
  },
  {
    file: 'bearer.ts',
    from: '      const headers = new Headers(authorization)\n',
    to: '      const headers = authorization ?? new Headers()\n',
    breaks: 'The headers of one request go along with the next.',
    test: 'requests',
  },
  {
    file: 'resting.ts',
    from: "if (session.version === version) session.commit(token, 'restore')",
    to: "session.commit(token, 'restore')",
    breaks: 'A logout while the user of what rested is asked for is undone.',
    test: 'sliding',
  },
  {
    file: 'tabs.ts',
    from: '!session.held && !owning && ',
    to: '!session.held && ',
    breaks: 'A tab that has the refresh token waits a second for itself.',
    test: 'storage',
  },
  {
    file: 'revocation.ts',
    from: 'if (late) vault.drop(session.decided)',
    to: '',
    breaks: 'What a refresh elsewhere wrote after the logout stays there.',
    test: 'storage',
  },

  // Whose session
  {
    file: 'identity.ts',
    from: "typeof value === 'string' || Number.isFinite(value) ? String(value) : null",
    to: "typeof value === 'string' ? value : null",
    breaks: 'A numeric sub counts as nobody.',
    test: 'identity',
  },
  {
    file: 'identity.ts',
    from: 'a.name === null || b.name === null ? a.epoch === b.epoch : a.name === b.name',
    to: 'a.name === b.name',
    breaks: 'The first answer that names the user is taken for another user.',
    test: 'identity',
  },
  {
    file: 'session.ts',
    from: 'if (renewed) renewed.identity.name ??= named.name',
    to: '',
    breaks: 'A name that was learned is forgotten: the next user is taken for this one.',
    test: 'identity',
  },
  {
    file: 'endpoints.ts',
    from: 'return isSameUser(same) ? same : name(undefined)',
    to: 'return same',
    breaks: 'The identity option sees the user of another session.',
    test: 'identity',
  },
  {
    file: 'endpoints.ts',
    from: 'refreshToken: renewed.refreshToken ?? first?.refreshToken,',
    to: '',
    breaks: 'A refresh token alone in the answer to a login is used once and lost.',
    test: 'signing-in',
  },
  {
    file: 'endpoints.ts',
    from: 'return found || body == null || (settings.readTokens !== undefined && set != null)',
    to: 'return true',
    breaks: 'A two-factor answer takes the session that was there before.',
    test: 'signing-in',
  },
  {
    file: 'endpoints.ts',
    from: "namesWho ? typeof body !== 'object' : isHtml(body)",
    to: "namesWho ? typeof body === 'string' : isHtml(body)",
    breaks: 'A user endpoint that says "false" signs in.',
    test: 'signing-in',
  },
  {
    file: 'endpoints.ts',
    from: 'if (isNew) throw error\n',
    to: '',
    breaks: 'Cookies of nobody are a session after refresh().',
    test: 'signing-in',
  },
  {
    file: 'endpoints.ts',
    from: "redirect: name === 'logout' ? 'manual' : 'error'",
    to: "redirect: 'error'",
    breaks: 'A logout that redirects counts as a network error.',
    test: 'secrets',
  },
  {
    file: 'revocation.ts',
    from: 'if (error.retryable) schedule(error)\n        else giveUp()',
    to: 'schedule(error)',
    breaks: 'A logout that redirects is tried again for ever.',
    test: 'signing-in',
  },
  {
    file: 'refresh.ts',
    from: 'current.again || loginNote.stands()',
    to: 'current.again',
    breaks: 'With cookies the page shows one user and acts as another after a login without an outcome.',
    test: 'signing-in',
  },
  {
    file: 'refresh.ts',
    from: '!session.identity && !tokens?.refreshToken && !current.asked && loginNote.stands()',
    to: 'false',
    breaks: 'A login without an outcome comes back with the next load.',
    test: 'signing-in',
  },
  {
    file: 'refresh.ts',
    from: '!session.identity && !tokens?.refreshToken && ',
    to: '!held && !tokens?.refreshToken && ',
    breaks: 'A page back from the bfcache is signed out by a login that failed.',
    test: 'signing-in',
  },
  {
    file: 'refresh.ts',
    from: 'if (isOther && !current.asked && loginNote.stands()) {',
    to: 'if (false) {',
    breaks: 'A scheduled refresh shows the user of a login without an outcome.',
    test: 'signing-in',
  },
  {
    file: 'refresh.ts',
    from: '          : identity !== null && (token.identity === null || token.identity !== identity.name)',
    to: '          : false',
    breaks: 'Out of the bfcache comes the user of a login without an outcome.',
    test: 'signing-in',
  },
  {
    file: 'client.ts',
    from: 'const refused = () => isOpen || loginNote.lift()',
    to: 'const refused = () => loginNote.lift()',
    breaks: 'A wrong password makes an earlier login come back.',
    test: 'signing-in',
  },
  {
    file: 'client.ts',
    from: "else if (asked !== decisions && cause === 'login') loginNote.set()",
    to: '',
    breaks: 'Tokens that were set go on with the cookie of a login that they superseded.',
    test: 'signing-in',
  },
  {
    file: 'client.ts',
    from: 'if (renewed && session.identity !== renewed) throw superseded()',
    to: '',
    breaks: 'The next token of the former user undoes a login.',
    test: 'signing-in',
  },
  {
    file: 'client.ts',
    from: '    // The app asked, and knows now whose cookie it is.\n    loginNote.lift()\n',
    to: '',
    breaks: 'After refresh() a reload still does not restore.',
    test: 'signing-in',
  },
  {
    file: 'client.ts',
    from: "cause === 'tokens' && isRenewal(token) ? 'refresh' : cause",
    to: 'cause',
    breaks: 'A rolling token is a login each time.',
    test: 'signing-in',
  },
  {
    file: 'session.ts',
    from: 'const from = goesOn && !isTaken ? lineage : null',
    to: 'const from = goesOn ? lineage : null',
    breaks: 'A refresh token that the app sets in a tab that follows is dropped.',
    test: 'signing-in',
  },
  {
    file: 'session.ts',
    from: 'isDecision && !told }',
    to: 'false }',
    breaks: 'Somebody who signs in does not lift the note of a login.',
    test: 'signing-in',
  },
  {
    file: 'handover.ts',
    from: 'if (!isDecided && !isAfter(after(), askedAt, generation)) {',
    to: 'if (!isAfter(after(), askedAt, generation)) {',
    breaks: 'A login elsewhere is missed during a refresh().',
    test: 'redirect-login',
  },
  {
    file: 'handover.ts',
    from: 'if (!isDecided && !isAfter(after(), askedAt, generation)) {',
    to: 'if (false) {',
    breaks: 'refresh() on the page of a redirect takes the former user from a message.',
    test: 'redirect-login',
  },
  {
    file: 'tabs.ts',
    from: 'newest(shown.filter(([generation = 0, askedAt = 0]) => isAfter(after, askedAt, generation)))',
    to: 'newest(shown)',
    breaks: 'refresh() on the page of a redirect takes the former user from another tab.',
    test: 'redirect-login',
  },
  {
    file: 'refresh.ts',
    from: 'const isTooEarly = isAsked && flight?.sent && !session.held',
    to: 'const isTooEarly = false',
    breaks: 'A restore that left before the call is the answer to refresh().',
    test: 'redirect-login',
  },
  {
    file: 'refresh.ts',
    from: 'current.asked && !isSame)',
    to: 'false)',
    breaks: 'What refresh() found is not followed by the other tabs.',
    test: 'redirect-login',
  },
  {
    file: 'revocation.ts',
    from: 'if (!isOurs && (hasAppAsked || !isFromHere())) return',
    to: 'if (!isOurs && !isFromHere()) return',
    breaks: 'A later page revokes what the app has just asked for.',
    test: 'redirect-login',
  },
  {
    file: 'revocation.ts',
    from: 'if (!isOurs && (hasAppAsked || !isFromHere())) return',
    to: 'if (!isOurs && hasAppAsked) return',
    breaks: 'A page that a redirect led to revokes the new session.',
    test: 'redirect-login',
  },
  {
    file: 'revocation.ts',
    from: "URL.canParse(referrer ?? '') && new URL(referrer as string).origin === origin",
    to: "referrer?.startsWith(origin ?? '') === true",
    breaks: 'A stranger whose name begins like this origin counts as this origin.',
    test: 'redirect-login',
  },
  {
    file: 'revocation.ts',
    from: 'if (wait > 0) retryIn(Math.ceil(wait))\n    else void run(null)',
    to: 'if (wait <= 0) void run(null)',
    breaks: 'A later page never retries a logout.',
    test: 'redirect-login',
  },
  {
    file: 'messages.ts',
    from: "(typeof message.identity === 'string' && fits(message.identity))",
    to: 'isText(message.identity)',
    breaks: 'A long identity keeps the other tabs signed out.',
    test: 'identity',
  },

  // Odds and ends of a session
  {
    file: 'revocation.ts',
    from: 'const known = tokens ?? unrevoked',
    to: 'const known = tokens',
    breaks: 'A logout that is tried again tells the server nothing to revoke.',
    test: 'lifecycle',
  },
  {
    file: 'client.ts',
    from: 'if (overruled === call) overruled = null',
    to: '',
    breaks: 'A refresh() that failed once overrules the marker of every logout.',
    test: 'lifecycle',
  },
  {
    file: 'idle.ts',
    from: "if (status() !== 'anonymous' && !isOver()) touch()",
    to: 'if (isSignedIn() && !isOver()) touch()',
    breaks: 'Who is there all through an outage counts as away.',
    test: 'idle',
  },
  {
    file: 'authorized-fetch.ts',
    from: '    await unlessAborted(idle.judged(), signal)\n',
    to: '',
    breaks: 'A request after sleep goes out before it is known whether the user is still there.',
    test: 'idle',
  },

  // What the app hands in, and what others have put there
  {
    file: 'options.ts',
    from: 'return bare(Object.fromEntries(entries)) as Given<T>',
    to: 'return Object.fromEntries(entries) as Given<T>',
    breaks: 'An option that the app left out comes from a polluted Object.prototype.',
    test: 'options',
  },
  {
    file: 'options.ts',
    from: "  return bare({\n    mode: 'bearer',",
    to: "  return ({\n    mode: 'bearer',",
    breaks: 'A setting that the app left out comes from an Object.prototype that was polluted later.',
    test: 'options',
  },
  {
    file: 'options.ts',
    from: 'const endpoints = bare({',
    to: 'const endpoints = Object({',
    breaks: 'An endpoint that the app left out comes from a polluted Object.prototype.',
    test: 'options',
  },
  {
    file: 'own.ts',
    from: 'prototype !== null && Object.getPrototypeOf(prototype) !== null && isOf(prototype, name)',
    to: 'prototype !== null && isOf(prototype, name)',
    breaks: 'Token sets, requests and call options are read through a polluted Object.prototype.',
    test: 'options',
  },
  {
    file: 'own.ts',
    from: 'return prototype !== null && Object.getPrototypeOf(prototype) !== null && isOf(prototype, name)',
    to: 'return false',
    breaks: "A storage or a token set of the app's own class is not read.",
    test: 'options',
  },
  {
    file: 'options.ts',
    from: 'isAstray = url.origin !== onPage.origin',
    to: 'isAstray = false',
    breaks: 'An injected <base> leads the password to a stranger.',
    test: 'options',
  },
  {
    file: 'options.ts',
    from: "page.origin === 'null' ? undefined : page.origin",
    to: 'page.origin',
    breaks: 'No client can be created in a page without an origin of its own.',
    test: 'options',
  },
  {
    file: 'options.ts',
    from: '`${baseUrl?.origin} ${scope}`',
    to: 'scope',
    breaks: 'Two backends with one scope share a session.',
    test: 'options',
  },
  {
    file: 'options.ts',
    from: "typeof endpoints.refresh === 'string' ? endpoints.refresh : 'function'",
    to: 'String(endpoints.refresh)',
    breaks: "The source of the app's function is the name of its notes.",
    test: 'options',
  },
  {
    file: 'handover.ts',
    from: '!accessToken || [...settings.allowedOrigins].every(origin => origins.includes(origin))',
    to: 'true',
    breaks: 'A token goes to an origin that the tab which had it kept it from.',
    test: 'options',
  },
  {
    file: 'csrf.ts',
    from: '.find(value => FIELD_VALUE.test(value) && ',
    to: '.find(value => ',
    breaks: 'A cookie from a sibling subdomain makes every call fail.',
    test: 'csrf',
  },
  {
    file: 'endpoints.ts',
    from: "throw invalid(name, 'what JSON can say')",
    to: 'throw new TypeError(name)',
    breaks: 'A native error is passed on to who logs in.',
    test: 'endpoints',
  },
  {
    file: 'note.ts',
    from: "tabs === 'off' && (storage ? !storage.shared : sliding === true)",
    to: 'false',
    breaks: 'A login in one tab ends the session that another tab has of its own.',
    test: 'storage',
  },
  {
    file: 'note.ts',
    from: "tabs === 'off' && (storage ? !storage.shared : sliding === true)",
    to: "tabs === 'off'",
    breaks: 'A logout that was not confirmed does not hold in the other tabs, which have the same cookie.',
    test: 'storage',
  },
  {
    file: 'client.ts',
    from: '!isApart && marker.stands(session.decided)',
    to: 'marker.stands(session.decided)',
    breaks: 'A logout of one account ends another, which another tab has in memory.',
    test: 'storage',
  },
  {
    file: 'note.ts',
    from: 'isStored(value, environment.now()) ? value : null',
    to: 'value',
    breaks: 'One number in localStorage disables every restore.',
    test: 'storage',
  },
  {
    file: 'storage.ts',
    from: 'isStored(lineage, now) &&',
    to: 'Number.isSafeInteger(lineage) &&',
    breaks: 'A number in what rests disables every restore after it.',
    test: 'storage',
  },
  {
    file: 'storage.ts',
    from: "opened.getItem('')",
    to: '',
    breaks: 'A localStorage that throws leaves the session unknown for ever.',
    test: 'storage',
  },
  {
    file: 'storage.ts',
    from: 'await attempt(() => storage.remove(key))\n      }',
    to: '}',
    breaks: 'A used refresh token rests in a storage that is full, and is sent again.',
    test: 'storage',
  },
  {
    file: 'storage.ts',
    from: 'ledger.write(next)\n    return next',
    to: 'return ledger.write(next) ? next : 0',
    breaks: 'A full localStorage ends a session that rests in sessionStorage.',
    test: 'storage',
  },

  // What others may do, and how long they may take
  {
    file: 'tabs.ts',
    from: 'isFrozen = await isSilent()',
    to: 'isFrozen = false',
    breaks: 'A frozen holder of the lock is waited for as long as a slow one.',
    test: 'tabs',
  },
  {
    file: 'tabs.ts',
    from: 'isFrozen = await isSilent()',
    to: 'isFrozen = true',
    breaks: 'A slow holder of the lock is taken for a frozen one.',
    test: 'tabs',
  },
  {
    file: 'tabs.ts',
    from: 'if (inside === (message.alone === true) &&',
    to: 'if (',
    breaks: 'A tab that only waits answers for the one that holds the lock.',
    test: 'tabs',
  },
  {
    file: 'tabs.ts',
    from: 'frozen.set(name, current)\n',
    to: '',
    breaks: 'Each call of a tab waits anew for the same frozen one.',
    test: 'tabs',
  },
  {
    file: 'tabs.ts',
    from: 'Math.min(askAt - environment.monotonic(), LOCK_MARGIN)',
    to: 'askAt - environment.monotonic()',
    breaks: 'The time of the next holder begins when that of the one before would have ended.',
    test: 'tabs',
  },
  {
    file: 'tabs.ts',
    from: "if (!isFlood('hello')) post(",
    to: 'post(',
    breaks: 'A flood of questions is answered by a flood.',
    test: 'tabs',
  },
  {
    file: 'tabs.ts',
    from: "!isFlood('renew', RENEWALS)",
    to: 'true',
    breaks: 'Strangers use up the refreshes that a tab allows itself.',
    test: 'tabs',
  },
  {
    file: 'tabs.ts',
    from: "message.generation > generation && isFlood('session')",
    to: 'false',
    breaks: 'A flood of sessions asks the user endpoint as often.',
    test: 'tabs',
  },
  {
    file: 'tabs.ts',
    from: "if (where !== 'here') return where === 'elsewhere' ? 'another tab' : 'another client'",
    to: "if (where !== 'never') return 'another tab'",
    breaks: 'Another client of the same document is taken for a duplicated tab.',
    test: 'two-clients',
  },
  {
    file: 'tabs.ts',
    from: '      inbox.inherit()\n',
    to: '',
    breaks: 'Nobody takes the place of a client that was disposed before the next refresh.',
    test: 'two-clients',
  },
  {
    file: 'tabs.ts',
    from: "return shares && channel ? 'another client' : 'this client'",
    to: "return 'another client'",
    breaks: 'Where nobody can be asked, a second client of a document is never signed in.',
    test: 'two-clients',
  },
  {
    file: 'resting.ts',
    from: "if (isOthers && !isDecision && reason !== 'other-tab') return\n",
    to: '',
    breaks: 'A client that follows clears what another one of its document refreshes with.',
    test: 'two-clients',
  },
  {
    file: 'resting.ts',
    from: 'else if (found?.refreshToken && found.lineage === lineage) session.resume(found.refreshToken, lineage)',
    to: '',
    breaks: 'Without locks a client sends the refresh token that another one of its document has used.',
    test: 'two-clients',
  },
  {
    file: 'messages.ts',
    from: 'Math.max(now + DAY, known + MISSED)',
    to: 'now + 400 * DAY',
    breaks: 'A forged number from the far future is what a later page finds in the storage.',
    test: 'tabs',
  },
  {
    file: 'messages.ts',
    from: 'Math.max(now + DAY, known + MISSED)',
    to: 'now + DAY',
    breaks: 'After a forged number from the very edge nothing of the others is heard.',
    test: 'tabs',
  },
  {
    file: 'refresh.ts',
    from: 'Math.min(retryAt - environment.now(), remaining(environment, later(told, MAX_TOLD)))',
    to: 'retryAt - environment.now()',
    breaks: 'A forged message keeps a tab from refreshing for a day.',
    test: 'tabs',
  },
  {
    file: 'refresh.ts',
    from: 'const told = current?.told ?? instant(environment)',
    to: 'const told = instant(environment)',
    breaks: 'Forged messages, one after the other, keep a tab from refreshing for good.',
    test: 'tabs',
  },
  {
    file: 'refresh.ts',
    from: 'told ? null : isRefused ? until : bound',
    to: 'isRefused ? until : told ? null : bound',
    breaks: 'A forged refusal holds back what the app asks for.',
    test: 'tabs',
  },
  {
    file: 'refresh.ts',
    from: 'await (former.decided === decided ? former.done : over(former))',
    to: 'await former.done',
    breaks: 'A new session waits for a refresh of the former one, for twice the timeout.',
    test: 'tabs',
  },
  {
    file: 'refresh.ts',
    from: 'await (former.decided === decided ? former.done : over(former))',
    to: 'await over(former)',
    breaks: 'The cookie to go on with is thrown away when a page comes back.',
    test: 'tabs',
  },
  {
    file: 'refresh.ts',
    from: 'for (let next = flight; next; next = next.former) {',
    to: 'for (const next of flight ? [flight] : []) {',
    breaks: 'Who waits for a refresh of a former session is not told that the client is disposed.',
    test: 'tabs',
  },
  {
    file: 'client.ts',
    from: 'if (refusal) return tabs.tell(refusal)\n',
    to: 'if (refusal) return\n',
    breaks: 'Tabs that follow ask again and again while the server wants to be left alone.',
    test: 'tabs',
  },
  {
    file: 'client.ts',
    from: '        signal ?? undefined,\n',
    to: '',
    breaks: 'A login that was given up keeps its place in the queue.',
    test: 'tabs',
  },
  {
    file: 'idle.ts',
    from: 'judging ??= ',
    to: 'judging = ',
    breaks: 'Each request that finds the time over has it judged for itself.',
    test: 'idle',
  },

  // Whose request, and what of it
  {
    file: 'authorized-fetch.ts',
    from: 'unlessAborted(idle.judged(), signal)',
    to: 'idle.judged()',
    breaks: 'Whoever gave up waits on while it is judged whether the user is still there.',
    test: 'drop-in',
  },
  {
    file: 'authorized-fetch.ts',
    from: '(call.owner ?? session.owner)',
    to: 'session.owner',
    breaks: 'A retry of one user goes out as the next one.',
    test: 'one-user',
  },
  {
    file: 'session.ts',
    from: 'if (userChanged) owner = { identity }\n      else owner.identity = identity',
    to: 'owner = { identity }',
    breaks: 'A request that was made before anybody was known goes out as whoever comes last.',
    test: 'one-user',
  },
  {
    file: 'authorized-fetch.ts',
    from: '(sends > 1 && session.held === token && !isOver())',
    to: 'sends > 1',
    breaks: 'A replay that waited longer than its token lived is handed back as refused.',
    test: 'one-user',
  },
  {
    file: 'authorized-fetch.ts',
    from: '(sends > 1 && session.held === token && !isOver())',
    to: 'false',
    breaks: 'An API that refuses good tokens is asked a third time.',
    test: 'one-user',
  },
  {
    file: 'authorized-fetch.ts',
    from: "if (isReplay && !ASKING.includes((request ?? init).cache as string)) init.cache = 'reload'",
    to: '',
    breaks: 'The cache answers the replay with the 401 that it has stored.',
    test: 'drop-in',
  },
  {
    file: 'authorized-fetch.ts',
    from: 'discard(call.target, error)',
    to: '',
    breaks: 'A stream whose request was given up stays open.',
    test: 'drop-in',
  },
  {
    file: 'authorized-fetch.ts',
    from: 'if (spare) discard(spare)',
    to: '',
    breaks: 'A stream goes on though the server has answered.',
    test: 'drop-in',
  },
  {
    file: 'authorized-fetch.ts',
    from: '    hold(call)\n',
    to: '',
    breaks: 'A request that waits can still be changed, and is not checked.',
    test: 'drop-in',
  },
  {
    file: 'call.ts',
    from: '(Object(body) !== body || body instanceof Blob)',
    to: 'true',
    breaks: 'A body that was changed after the call is sent as it is later.',
    test: 'drop-in',
  },
  {
    file: 'call.ts',
    from: 'native.getUrl?.call(value)',
    to: '(value as Request).url',
    breaks: 'A Proxy that says one URL has the bearer sent to another.',
    test: 'drop-in',
  },
  {
    file: 'call.ts',
    from: '|| Symbol.asyncIterator in (body as object)',
    to: '',
    breaks: 'An async iterable is replayed with no bytes.',
    test: 'drop-in',
  },
  {
    file: 'bearer.ts',
    from: '  for (const name of Object.keys(copy)) copy[name] = `${copy[name]}`\n',
    to: '',
    breaks: 'A header whose value is an object is sent as it is later.',
    test: 'drop-in',
  },
  {
    file: 'full-client.ts',
    from: "typeof options === 'object' && options ?",
    to: 'Object(options) === options ?',
    breaks: 'A function that is handed in as the options passes for none.',
    test: 'options',
  },
  {
    file: 'call.ts',
    from: 'given != null && Object.hasOwn(given, OWNER)',
    to: 'Boolean((given as Marked)?.[OWNER])',
    breaks: 'A polluted Object.prototype says whom all requests are for.',
    test: 'one-user',
  },
  {
    file: 'call.ts',
    from: "(headers === NO_HEADERS || !request.headers.has('Authorization'))",
    to: 'true',
    breaks: 'A token that a Request has in a list of two values goes to a stranger.',
    test: 'requests',
  },
  {
    file: 'call.ts',
    from: "name !== 'body' && ",
    to: '',
    breaks: 'In Firefox a body that was changed after the call is replayed as it is later.',
    test: 'drop-in',
  },
  {
    file: 'bearer.ts',
    from: ' || Object.getOwnPropertySymbols(copy).length > 0',
    to: '',
    breaks: 'A header that native fetch refuses is left out in silence.',
    test: 'drop-in',
  },
  {
    file: 'bearer.ts',
    from: "const parts = value.split(',')",
    to: 'const parts = [value]',
    breaks: 'A token in a list of two values goes to a stranger.',
    test: 'requests',
  },
  {
    file: 'full-client.ts',
    from: 'options === undefined ? forNow() : withOwner',
    to: 'options === undefined ? options : withOwner',
    breaks: 'Calls of ky without options are not tied to a user.',
    test: 'one-user',
  },
  {
    file: 'refresh.ts',
    from: 'else if (spent) await events.succeed(spent, refreshToken)',
    to: '',
    breaks: 'A used refresh token that another tab has just stored is sent again.',
    test: 'storage',
  },
  {
    file: 'client.ts',
    from: 'if (!isDecision && isSignedOut(news.decided)) {',
    to: 'if (false) {',
    breaks: 'A tab that has not heard of a logout hands its session to one that has.',
    test: 'tabs',
  },
  {
    file: 'handover.ts',
    from: 'return isAnswer',
    to: 'return false',
    breaks: 'What answers a refresh() in one tab counts for less than an older login in another.',
    test: 'redirect-login',
  },
  {
    file: 'client.ts',
    from: 'session.held ? news.decided : session.decided',
    to: 'session.decided',
    breaks: 'A tab that sees an old marker late signs out all who have logged in since.',
    test: 'tabs',
  },
]

const TIME_LIMIT = 300_000

const { values } = parseArgs({
  options: { only: { type: 'string', default: '' }, check: { type: 'boolean', default: false } },
})
const chosen = mutants.filter(mutant => Object.values(mutant).some(text => text.includes(values.only)))
const source = (file: string): string => readFileSync(resolve(root, 'src', file), 'utf8')

const stale = chosen.filter(({ file, from }) => source(file).split(from).length !== 2)
for (const { file, from } of stale) console.log(`src/${file} does not hold this exactly once: ${from}`)
if (stale.length > 0 || chosen.length === 0) process.exit(1)
if (values.check) process.exit()

const tree = mkdtempSync(resolve(tmpdir(), 'mutants-'))
process.on('exit', () => rmSync(tree, { recursive: true }))
for (const part of ['src', 'test', 'docs', 'package.json', 'tsconfig.json']) {
  cpSync(resolve(root, part), resolve(tree, part), { recursive: true })
}
symlinkSync(resolve(root, 'node_modules'), resolve(tree, 'node_modules'))

const whole = runTests([...new Set(chosen.map(({ test }) => test))])
if (whole !== null) {
  console.log(`the tests fail without any mutant: ${whole}`)
  process.exit(1)
}

let killed = 0
for (const { file, from, to, breaks, test } of chosen) {
  const path = resolve(tree, 'src', file)
  const original = readFileSync(path, 'utf8')
  writeFileSync(
    path,
    original.replace(from, () => to),
  )
  const killer = runTests([test])
  writeFileSync(path, original)
  if (killer !== null) killed++
  console.log(
    `${killer === null ? 'SURVIVED' : 'killed  '}  ${file}: ${breaks} ${killer === null ? from : `(${killer})`}`,
  )
}
console.log(`${killed} of ${chosen.length} killed`)
process.exitCode = killed === chosen.length ? 0 : 1

/** What failed first, or `null`. */
function runTests(names: string[]): string | null {
  const report = resolve(tree, 'report.json')
  rmSync(report, { force: true })
  const { status, error } = spawnSync(
    process.execPath,
    [
      resolve(root, 'node_modules/vitest/vitest.mjs'),
      ...[
        'run',
        '--config',
        'test/vitest.config.ts',
        '--project',
        'unit',
        '--bail',
        '1',
        '--no-file-parallelism',
      ],
      // Threads die with the process: one that loops for ever would outlive it otherwise.
      ...['--pool', 'threads', '--reporter', './test/tools/reporter.ts', '--outputFile', report],
      ...names.map(name => `test/${name}.test.ts`),
    ],
    {
      cwd: tree,
      stdio: 'ignore',
      timeout: TIME_LIMIT,
      killSignal: 'SIGKILL',
      env: { ...process.env, NO_COLOR: '1' },
    },
  )
  if (status === 0) return null
  if (error) return `not over after ${TIME_LIMIT / 1000} s`
  const tests: TestCase[] = JSON.parse(readFileSync(report, 'utf8'))
  const failed = tests.find(({ status }) => status === 'failed')
  return failed?.titles.join(' > ') ?? 'an error outside the tests'
}
