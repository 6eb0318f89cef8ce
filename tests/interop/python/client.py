"""oauthlib and requests-oauthlib: device logins, codes, refreshing, looking up and revoking.

Neither has discovery or asks again by itself: the addresses are taken from the metadata here, and the
waiting is done here too. Neither checks `iss`.
"""

import os
import sys
import time
from urllib.parse import parse_qs, urlsplit

# Loopback needs no TLS.
os.environ["OAUTHLIB_INSECURE_TRANSPORT"] = "1"

from oauthlib.oauth2 import DeviceClient, OAuth2Error, WebApplicationClient
from requests_oauthlib import OAuth2Session

BASE = os.environ["PORTCULLIS_URL"]
KEY = os.environ["PORTCULLIS_KEY"]
CLIENT = "social-cli"
REDIRECT = "http://127.0.0.1:51004/callback"


def person(does):
    """Asks for what a person does, and gives what came of it."""
    print(does, flush=True)
    return sys.stdin.readline().rstrip("\n") or sys.exit("the person has gone")


def equal(got, wanted, what):
    if got != wanted:
        sys.exit(f"{what}: {got!r} and not {wanted!r}")


def refused(call, error, what):
    """Makes a call that the server must refuse with this error."""
    try:
        call()
    except OAuth2Error as refusal:
        equal(refusal.error, error, what)
    else:
        sys.exit(f"{what}: not refused")


def session(**options):
    new = OAuth2Session(**options)
    # The variables of this machine, such as those for proxies, are not for it.
    new.trust_env = False
    return new


def status(token, method, path):
    """The status of a request for a guarded route."""
    asking = session(client_id=CLIENT, token=token)
    body = {"text": "Hello"} if method == "POST" else None
    return asking.request(method, BASE + path, json=body).status_code


def metadata():
    server = session(client_id=CLIENT).get(f"{BASE}/.well-known/oauth-authorization-server").json()
    equal(server["issuer"], BASE, "issuer")
    return server


def begin(server, scope):
    """Begins a device login: the library makes the parameters, and RFC 8628, section 3.1, wants them in
    the body."""
    client = DeviceClient(CLIENT, scope=scope)
    at = server["device_authorization_endpoint"]
    parameters = urlsplit(client.prepare_request_uri(at)).query
    device = session(client=client)
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    begun = device.post(at, data=parameters, headers=headers)
    equal(begun.status_code, 200, f"a device begins: {begun.text}")
    begun = begun.json()
    equal((begun["interval"], begun["expires_in"]), (5, 600), "interval and expires_in")

    def poll():
        return device.fetch_token(
            server["token_endpoint"], device_code=begun["device_code"], include_client_id=True
        )

    return begun, poll


def device_waits_and_is_let_in(server):
    begun, poll = begin(server, ["posts:read", "brands:read"])
    refused(poll, "authorization_pending", "nobody has decided")
    person(f"device approve {begun['user_code']}")
    time.sleep(begun["interval"])
    token = poll()
    equal(token["token_type"], "Bearer", "token_type")
    equal(sorted(token["scope"]), ["brands:read", "posts:read"], "scope")
    refused(poll, "invalid_grant", "a device code twice")
    return token


def device_asks_too_soon(server):
    _, poll = begin(server, ["posts:read"])
    refused(poll, "authorization_pending", "nobody has decided")
    refused(poll, "slow_down", "asked too soon")


def device_is_refused(server):
    begun, poll = begin(server, ["posts:read"])
    person(f"device deny {begun['user_code']}")
    refused(poll, "access_denied", "it was denied")


def look_up(server, token):
    """RFC 7662, with a key: to the library a bearer token like others."""
    asking = session(client_id="a-resource-server", token={"access_token": KEY})
    found = asking.post(server["introspection_endpoint"], data={"token": token["access_token"]})
    equal(found.status_code, 200, f"a token is looked up: {found.text}")
    return found.json()


def login_is_refreshed_and_ended_by_a_token_that_comes_again(server, first):
    equal(status(first, "GET", "/posts"), 200, "within its scopes")
    equal(status(first, "POST", "/posts"), 403, "beyond its scopes")
    found = look_up(server, first)
    known = (found["active"], found["client_id"], found["iss"])
    equal(known, (True, CLIENT, BASE), "what a token is")
    equal(sorted(found["scope"].split()), ["brands:read", "posts:read"], "what it may do")

    def refresh(token):
        return session(client_id=CLIENT, token=token).refresh_token(
            server["token_endpoint"], client_id=CLIENT
        )

    second = refresh(first)
    equal(status(second, "GET", "/posts"), 200, "the second")
    third = refresh(second)
    equal(status(third, "GET", "/brands"), 200, "the third")
    # The first has come before, and so has the second: somebody else has it.
    refused(lambda: refresh(first), "invalid_grant", "a refresh token twice")
    equal(status(third, "GET", "/posts"), 401, "the login has ended")
    equal(look_up(server, third), {"active": False}, "what an ended token is")


def ask_for_code(server, decision):
    # The scope to write implies the one to read; the library takes just the names it asked for.
    scope = ["posts:write"]
    asking = session(client_id=CLIENT, redirect_uri=REDIRECT, scope=scope, pkce="S256")
    at = server["authorization_endpoint"]
    address, _state = asking.authorization_url(at, resource=BASE)
    sent = person(f"authorize {decision} {address}")
    equal(sent.split("?")[0], REDIRECT, "where the browser was sent")
    equal(parse_qs(urlsplit(sent).query)["iss"], [BASE], "iss")

    # The library holds the answer against the state, and sends the verifier.
    def exchange():
        return asking.fetch_token(
            server["token_endpoint"],
            authorization_response=sent,
            include_client_id=True,
            resource=BASE,
        )

    return exchange


def code_is_exchanged_and_its_token_revoked(server):
    token = ask_for_code(server, "approve")()
    equal(token["scope"], ["posts:write"], "scope")
    equal(status(token, "GET", "/posts"), 200, "what that implies")
    equal(status(token, "GET", "/posts"), 200, "before it is revoked")
    equal(status(token, "POST", "/posts"), 201, "within its scopes")
    equal(status(token, "GET", "/brands"), 403, "beyond its scopes")
    client = WebApplicationClient(CLIENT)
    at, headers, body = client.prepare_token_revocation_request(
        server["revocation_endpoint"], token["access_token"], client_id=CLIENT
    )
    revoked = session(client=client).post(at, data=body, headers=headers)
    equal(revoked.status_code, 200, f"a token is revoked: {revoked.text}")
    equal(status(token, "GET", "/posts"), 401, "after it was revoked")


def code_is_refused(server):
    refused(ask_for_code(server, "deny"), "access_denied", "it was denied")


def main():
    server = metadata()
    device_asks_too_soon(server)
    device_is_refused(server)
    code_is_refused(server)
    code_is_exchanged_and_its_token_revoked(server)
    first = device_waits_and_is_let_in(server)
    login_is_refreshed_and_ended_by_a_token_that_comes_again(server, first)


main()
