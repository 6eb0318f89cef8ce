// A client that knows nothing but the address of a resource, as one of the Model Context Protocol: it
// is refused, finds out who lets it in, registers itself, gets a code, and calls again.

import * as oauth from 'oauth4webapi'
import * as client from 'openid-client'

import { base, check, equal, person, redirectUri, refused, run } from './harness.mjs'

// Loopback needs no TLS.
const insecure = { [oauth.allowInsecureRequests]: true }
const url = new URL('/posts', base)

run(async () => {
  // The library sends no request without a token; this one nobody was given.
  const call = (token) => oauth.protectedResourceRequest(token, 'GET', url, undefined, undefined, insecure)
  const turnedAway = await refused(call('none'), 'a token of nobody')
  equal(turnedAway.status, 401, 'the status')
  const bare = await fetch(url)
  equal(bare.status, 401, 'the status without a token')
  check(bare.headers.get('www-authenticate').includes('resource_metadata='), 'it says where to look')
  const challenge = turnedAway.cause.find(({ scheme }) => scheme === 'bearer')
  const metadataUrl = challenge.parameters.resource_metadata

  // RFC 9728, section 5: the metadata is at the address that was told, and is of the resource.
  const answer = await fetch(metadataUrl)
  const resource = await oauth.processResourceDiscoveryResponse(new URL(base), answer)
  const issuer = new URL(resource.authorization_servers[0])

  // RFC 8414 and RFC 7591.
  const registering = {
    client_name: 'A newcomer',
    redirect_uris: [redirectUri],
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code'],
    token_endpoint_auth_method: 'none',
  }
  const config = await client.dynamicClientRegistration(issuer, registering, client.None(), {
    algorithm: 'oauth2',
    execute: [client.allowInsecureRequests],
  })
  const known = config.clientMetadata()
  check(known.client_id.startsWith('dyn-'), 'its id')
  equal(known.client_name, 'A newcomer', 'its name')

  const pkceCodeVerifier = client.randomPKCECodeVerifier()
  const expectedState = client.randomState()
  const asked = client.buildAuthorizationUrl(config, {
    redirect_uri: redirectUri,
    scope: 'posts:read',
    state: expectedState,
    code_challenge: await client.calculatePKCECodeChallenge(pkceCodeVerifier),
    code_challenge_method: 'S256',
    // RFC 8707, as it stands in the metadata.
    resource: resource.resource,
  })
  const sent = new URL(await person(`authorize approve ${asked}`))
  const checks = { pkceCodeVerifier, expectedState }
  const of = { resource: resource.resource }
  const tokens = await client.authorizationCodeGrant(config, sent, checks, of)
  equal((await call(tokens.access_token)).status, 200, 'it is let in')
  const refreshed = await client.refreshTokenGrant(config, tokens.refresh_token, of)
  equal((await call(refreshed.access_token)).status, 200, 'it is let in again')
  const elsewhere = client.refreshTokenGrant(config, refreshed.refresh_token, {
    resource: 'https://elsewhere.example',
  })
  equal((await refused(elsewhere, 'another resource')).error, 'invalid_target', 'the error')
})
