COOKIES=$(mktemp)

# sign up with a team of your own; you are signed in then
curl -isS "$APP/signup" -c "$COOKIES" -H 'content-type: application/json' -d '{"email":"ada@example.com","password":"correct horse battery","team":"Acme"}'

# write a note, and read those of the team
curl -isS "$APP/notes" -b "$COOKIES" -H 'content-type: application/json' -d '{"text":"buy milk"}' && echo
curl -isS "$APP/notes" -b "$COOKIES" && echo

# make a key for a program that reads them
CREATED=$(curl -isS "$APP/api-keys" -b "$COOKIES" -H 'content-type: application/json' -d '{"name":"backup","scopes":["notes:read"]}')
echo "$CREATED" && KEY=$(echo "$CREATED" | sed -n 's/.*"key":"\([^"]*\)".*/\1/p') && KEY_ID=$(echo "$CREATED" | sed -n 's/.*"id":"\(key_[^"]*\)".*/\1/p')

# the program reads, and sees what its limit leaves; it may not write: 403
curl -isS "$APP/api/notes" -H "authorization: Bearer $KEY" && echo
curl -isS "$APP/api/notes" -H "authorization: Bearer $KEY" -H 'content-type: application/json' -d '{"text":"buy beer"}' && echo

# revoke the key: from now on it is 401
curl -isS -X DELETE "$APP/api-keys/$KEY_ID" -b "$COOKIES" && echo
curl -isS "$APP/api/notes" -H "authorization: Bearer $KEY" && echo
