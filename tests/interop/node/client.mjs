// openid-client: discovery, device logins, codes, refreshing, looking up and revoking.

import { setTimeout } from 'node:timers/promises'

import * as oauth from 'oauth4webapi'
import * as client from 'openid-client'

import { base, check, clientId, equal, key, person, redirectUri, refused, run } from './harness.mjs'

const DEVICE = 'urn:ietf:params:oauth:grant-type:device_code'

// Comes about when the library was told to slow down, from which it goes on by itself.
let slowDown
const slowedDown = new Promise((resolve) => (slowDown = resolve))

async function fetchAndNote(url, options) {
  const answer = await fetch(url, options)
  const told = answer.status === 400 && (await answer.clone().json()).error
  if (told === 'slow_down') slowDown()
  return answer
}

// RFC 8414. `oauth2` is what the library calls it; the server is no OpenID provider.
async function discovered(authentication, options) {
  return client.discovery(new URL(base), clientId, undefined, authentication, {
    algorithm: 'oauth2',
    // Loopback needs no TLS.
    execute: [client.allowInsecureRequests],
    ...options,
  })
}

// The status of a request for a guarded route.
async function status(config, token, method, path) {
  const body = method === 'POST' ? JSON.stringify({ text: 'Hello' }) : undefined
  const headers = new Headers(body && { 'content-type': 'application/json' })
  const url = new URL(path, base)
  try {
    return (await client.fetchProtectedResource(config, token, url, method, body, headers)).status
  } catch (error) {
    check(error instanceof client.WWWAuthenticateChallengeError, `${method} ${path}: ${error}`)
    equal(error.cause[0].scheme, 'bearer', 'the scheme of a challenge')
    return error.status
  }
}

async function metadata(config) {
  const server = config.serverMetadata()
  equal(server.issuer, base, 'issuer')
  check(server.supportsPKCE(), 'PKCE with S256 is announced')
  check(server.authorization_response_iss_parameter_supported, '`iss` is announced')
  equal(server.registration_endpoint, undefined, 'registration is closed')
  // RFC 9728, which openid-client leaves to the library that it is built on.
  const options = { [oauth.allowInsecureRequests]: true }
  const answer = await oauth.resourceDiscoveryRequest(new URL(base), options)
  const resource = await oauth.processResourceDiscoveryResponse(new URL(base), answer)
  equal(resource.authorization_servers, [base], 'authorization_servers')
}

// Another question in between comes too soon, and so does the library's next: it is slowed down.
async function deviceLogin(config) {
  const begun = await client.initiateDeviceAuthorization(config, { scope: 'posts:read brands:read' })
  equal([begun.interval, begun.expires_in], [5, 600], 'interval and expires_in')
  equal(begun.verification_uri, `${base}/device`, 'verification_uri')
  const tokens = client.pollDeviceAuthorizationGrant(config, begun)
  await setTimeout(1000)
  const { device_code } = begun
  const early = client.genericGrantRequest(config, DEVICE, { device_code })
  equal((await refused(early, 'nobody has decided')).error, 'authorization_pending', 'the error')
  await Promise.race([slowedDown, tokens])
  await person(`device approve ${begun.user_code}`)
  return tokens
}

async function deviceDenied(config) {
  const begun = await client.initiateDeviceAuthorization(config, { scope: 'posts:read' })
  await person(`device deny ${begun.user_code}`)
  const polled = client.pollDeviceAuthorizationGrant(config, begun)
  equal((await refused(polled, 'it was denied')).error, 'access_denied', 'the error')
}

async function lookedUpAndRefreshed(config, resourceServer, first) {
  equal(first.token_type, 'bearer', 'token_type')
  equal(first.scope.split(' ').sort(), ['brands:read', 'posts:read'], 'scope')
  equal(await status(config, first.access_token, 'GET', '/posts'), 200, 'within its scopes')
  equal(await status(config, first.access_token, 'POST', '/posts'), 403, 'beyond its scopes')
  const found = await client.tokenIntrospection(resourceServer, first.access_token)
  equal([found.active, found.client_id, found.iss], [true, clientId, base], 'what a token is')
  check(found.exp * 1000 > Date.now(), 'exp is to come')

  const narrowed = { scope: 'posts:read' }
  const second = await client.refreshTokenGrant(config, first.refresh_token, narrowed)
  equal(second.scope, 'posts:read', 'a scope of those')
  equal(await status(config, second.access_token, 'GET', '/posts'), 200, 'within what is left')
  equal(await status(config, second.access_token, 'GET', '/brands'), 403, 'beyond what is left')
  const third = await client.refreshTokenGrant(config, second.refresh_token)
  equal(await status(config, third.access_token, 'GET', '/brands'), 200, 'all of it again')
  // It has come before, and what it was exchanged for too: somebody else has it.
  const again = client.refreshTokenGrant(config, first.refresh_token)
  equal((await refused(again, 'a refresh token twice')).error, 'invalid_grant', 'the error')
  equal(await status(config, third.access_token, 'GET', '/brands'), 401, 'the login has ended')
  const gone = await client.tokenIntrospection(resourceServer, third.access_token)
  equal(gone, { active: false }, 'what an ended token is')
}

// The library holds the answer against `state`, `iss` and the verifier by itself.
async function codeLogin(config, decision) {
  const pkceCodeVerifier = client.randomPKCECodeVerifier()
  const expectedState = client.randomState()
  const asked = client.buildAuthorizationUrl(config, {
    redirect_uri: redirectUri,
    scope: 'posts:read',
    state: expectedState,
    code_challenge: await client.calculatePKCECodeChallenge(pkceCodeVerifier),
    code_challenge_method: 'S256',
    resource: base,
  })
  const sent = new URL(await person(`authorize ${decision} ${asked}`))
  equal(sent.searchParams.get('iss'), base, 'iss')
  const checks = { pkceCodeVerifier, expectedState }
  return client.authorizationCodeGrant(config, sent, checks, { resource: base })
}

async function codes(config) {
  const tokens = await codeLogin(config, 'approve')
  equal(tokens.scope, 'posts:read', 'scope')
  check(tokens.expiresIn() > 0, 'expires_in')
  equal(await status(config, tokens.access_token, 'GET', '/posts'), 200, 'before it is revoked')
  equal(await status(config, tokens.access_token, 'POST', '/posts'), 403, 'beyond its scopes')
  await client.tokenRevocation(config, tokens.access_token)
  equal(await status(config, tokens.access_token, 'GET', '/posts'), 401, 'after it was revoked')
  const again = client.refreshTokenGrant(config, tokens.refresh_token)
  equal((await refused(again, 'the login was revoked')).error, 'invalid_grant', 'the error')

  const denied = await refused(codeLogin(config, 'deny'), 'it was denied')
  check(denied instanceof client.AuthorizationResponseError, `the client is told: ${denied}`)
  equal(denied.error, 'access_denied', 'the error')
}

run(async () => {
  const options = { [client.customFetch]: fetchAndNote }
  const config = await discovered(client.None(), options)
  // Whoever looks tokens up shows a key, which is no secret of a client (RFC 7662, section 2.1).
  const bearer = (_server, _client, _body, headers) => headers.set('authorization', `Bearer ${key}`)
  const resourceServer = await discovered(bearer)
  await metadata(config)
  // At once, as they mostly wait.
  await Promise.all([
    deviceLogin(config).then((first) => lookedUpAndRefreshed(config, resourceServer, first)),
    deviceDenied(await discovered(client.None())),
    codes(await discovered(client.None())),
  ])
})
