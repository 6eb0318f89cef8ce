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
        writeln!(f, "API={}", quoted(base_url))?;
        writeln!(f, "EMAIL={}", quoted(&in_json(email)?))?;
        match password {
            Password::Shown(password) => {
                writeln!(f, "PASSWORD={}", quoted(&in_json(password.expose())?))?;
            }
            Password::Variable => {
                writeln!(
                    f,
                    r#"PASSWORD=$(printf %s "$PORTCULLIS_ADMIN_PASSWORD" | sed 's/[\\"]/\\&/g')"#
                )?;
            }
            Password::File => {
                writeln!(
                    f,
                    r#"PASSWORD=$(tr -d '\r\n' < "$PORTCULLIS_ADMIN_PASSWORD_FILE" | sed 's/[\\"]/\\&/g')"#
                )?;
            }
        }
        write!(
            f,
            r#"
# log in
LOGIN=$(printf '{{"email":"%s","password":"%s"}}' "$EMAIL" "$PASSWORD" | curl -isS "$API/auth/login" -H 'content-type: application/json' -d @-)
echo "$LOGIN" && SESSION=$(echo "$LOGIN" | sed -n 's/.*"token":"\([^"]*\)".*/\1/p')

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

/// A text as it stands between the quotes of a JSON string.
fn in_json(text: &str) -> Result<String, fmt::Error> {
    let json = serde_json::to_string(text).map_err(|_| fmt::Error)?;
    let inner = json
        .strip_prefix('"')
        .and_then(|json| json.strip_suffix('"'));
    inner.map(str::to_owned).ok_or(fmt::Error)
}

/// A word of the shell in which nothing has a meaning (POSIX.1-2017, volume 3, section 2.2.2).
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_given_stands_in_single_quotes_as_json() {
        let secret = Secret::new(r#"a"b\c'd"#.to_owned());
        let shown = Quickstart {
            base_url: "http://[::1]:8080",
            email: "o'b`id`$HOME@example.com",
            password: Password::Shown(&secret),
        };
        let shown = shown.to_string();
        for line in [
            "API='http://[::1]:8080'",
            r"EMAIL='o'\''b`id`$HOME@example.com'",
            r#"PASSWORD='a\"b\\c'\''d'"#,
        ] {
            assert!(shown.lines().any(|shown| shown == line), "{line}\n{shown}");
        }
    }
}
