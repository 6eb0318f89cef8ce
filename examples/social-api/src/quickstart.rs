//! What the first start prints: commands that work as they stand.

use std::fmt;

use portcullis::core::Secret;

/// How the commands come to the admin's password.
#[derive(Debug)]
pub(crate) enum Password<'a> {
    /// It was made up, and this is the only time that it is shown.
    Shown(&'a Secret<String>),
    /// The variable that it was given in.
    Variable,
    /// The variable that names the file that it was given in.
    File,
}

/// A script for bash and curl: log in, make a key, post, publish, be refused, revoke.
#[derive(Debug)]
pub(crate) struct Quickstart<'a> {
    pub(crate) base_url: &'a str,
    pub(crate) email: &'a str,
    pub(crate) password: Password<'a>,
}

impl fmt::Display for Quickstart<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            base_url,
            email,
            password,
        } = self;
        writeln!(f, "# --- quickstart ---")?;
        writeln!(f, "API={base_url}")?;
        match password {
            Password::Shown(password) => writeln!(f, "PASSWORD={}", password.expose())?,
            Password::Variable => {
                writeln!(
                    f,
                    r#"PASSWORD=$(printf %s "$PORTCULLIS_ADMIN_PASSWORD" | sed 's/[\\"]/\\&/g')"#
                )?;
            }
            Password::File => {
                writeln!(
                    f,
                    r#"PASSWORD=$(sed 's/[\\"]/\\&/g' "$PORTCULLIS_ADMIN_PASSWORD_FILE")"#
                )?;
            }
        }
        write!(
            f,
            r#"
# log in
LOGIN=$(curl -isS "$API/auth/login" -H 'content-type: application/json' -d @- <<JSON
{{"email":"{email}","password":"$PASSWORD"}}
JSON
) && echo "$LOGIN" && SESSION=$(echo "$LOGIN" | sed -n 's/.*"token":"\([^"]*\)".*/\1/p')

# make a key that may write posts
CREATED=$(curl -isS "$API/api-keys" -H "authorization: Bearer $SESSION" -H 'content-type: application/json' -d '{{"name":"quickstart","scopes":["posts:write"]}}')
echo "$CREATED" && KEY=$(echo "$CREATED" | sed -n 's/.*"key":"\([^"]*\)".*/\1/p') && KEY_ID=$(echo "$CREATED" | sed -n 's/.*"id":"\(key_[^"]*\)".*/\1/p')

# write a post with it, and see the rate headers
POSTED=$(curl -isS "$API/posts" -H "x-api-key: $KEY" -H 'content-type: application/json' -d '{{"text":"Hello from Portcullis","platforms":["x"]}}')
echo "$POSTED" && POST=$(echo "$POSTED" | sed -n 's/.*"id":"\(post_[^"]*\)".*/\1/p')

# publish it, for one credit
curl -isS -X POST "$API/posts/$POST/publish" -H "x-api-key: $KEY" && echo

# brands are another scope: 403
curl -isS "$API/brands" -H "x-api-key: $KEY" && echo

# revoke the key: from now on it is 401
curl -isS -X DELETE "$API/api-keys/$KEY_ID" -H "authorization: Bearer $SESSION" && echo
curl -isS "$API/posts" -H "x-api-key: $KEY" && echo
# --- end ---
"#
        )
    }
}
