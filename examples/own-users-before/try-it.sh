COOKIES=$(mktemp)

# sign up with a team of your own; you are signed in then
curl -isS "$APP/signup" -c "$COOKIES" -H 'content-type: application/json' -d '{"email":"ada@example.com","password":"correct horse battery","team":"Acme"}'

# write a note, and read those of the team
curl -isS "$APP/notes" -b "$COOKIES" -H 'content-type: application/json' -d '{"text":"buy milk"}' && echo
curl -isS "$APP/notes" -b "$COOKIES" && echo
