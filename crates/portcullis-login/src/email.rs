//! Addresses of electronic mail.

use std::{
    fmt,
    hash::{Hash, Hasher},
    str::FromStr,
    sync::Arc,
};

/// An address of electronic mail, by which an account is found. Cheap to clone.
///
/// It is shown as it was given and compared without regard to the case of ASCII letters, in the
/// part before the `@` too: two accounts that differ in case alone would be a trap.
///
/// # Syntax
/// The `Dot-string "@" Domain` of RFC 5321, section 4.1.2, in ASCII: 1 to 64 bytes of letters,
/// digits, ``!#$%&'*+-/=?^_`{|}~`` and single dots between them; then labels of 1 to 63 letters,
/// digits and inner hyphens, separated by dots, of which one is enough (`admin@localhost`). At most
/// 254 bytes in all. Quoted local parts and address literals are not read. Nothing is trimmed.
///
/// # Examples
/// ```
/// use portcullis_login::{Email, ParseEmailError};
///
/// let email: Email = "Ada@Example.com".parse()?;
/// assert_eq!(email, "ada@example.com".parse()?);
/// assert_eq!(email.to_string(), "Ada@Example.com");
/// assert_eq!(" ada@example.com".parse::<Email>(), Err(ParseEmailError::Character { at: 0 }));
/// # Ok::<(), ParseEmailError>(())
/// ```
#[derive(Clone)]
pub struct Email {
    text: Arc<str>,
    // INVARIANT: `text` with ASCII letters in lower case.
    folded: Arc<str>,
}

/// Why a text is not an address of electronic mail. The text itself is never kept.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ParseEmailError {
    /// A character that may not stand there: a space, a second `@`, a dot beside another.
    #[error("a character that may not stand there at byte {at}")]
    Character {
        /// Its position, from 0.
        at: usize,
    },
    /// A part of the domain, between dots, is missing or longer than 63 bytes.
    #[error("the domain has a part of no or over 63 bytes at byte {at}")]
    Domain {
        /// Where the part begins, from 0.
        at: usize,
    },
    /// Nothing, or over 64 bytes, before the `@`.
    #[error("there are 1 to 64 bytes before the `@`")]
    Local,
    /// There is no `@`.
    #[error("an address has an `@`")]
    NoAt,
    /// Over 254 bytes.
    #[error("an address has at most 254 bytes")]
    TooLong,
}

impl Email {
    /// The most bytes of an address (RFC 3696, erratum 1690).
    pub const MAX_BYTES: usize = 254;

    /// The address as it was given.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The address with ASCII letters in lower case: what is compared.
    #[must_use]
    pub fn folded(&self) -> &str {
        &self.folded
    }

    /// What stands before the `@`, as it was given.
    #[must_use]
    pub fn local(&self) -> &str {
        self.text.split_once('@').map_or("", |(local, _)| local)
    }
}

impl FromStr for Email {
    type Err = ParseEmailError;

    fn from_str(text: &str) -> Result<Self, ParseEmailError> {
        if text.len() > Self::MAX_BYTES {
            return Err(ParseEmailError::TooLong);
        }
        let (local, domain) = text.split_once('@').ok_or(ParseEmailError::NoAt)?;
        check_local(local)?;
        check_domain(domain, local.len() + 1)?;
        let text: Arc<str> = text.into();
        let is_folded = !text.bytes().any(|byte| byte.is_ascii_uppercase());
        let folded = if is_folded {
            Arc::clone(&text)
        } else {
            text.to_ascii_lowercase().into()
        };
        Ok(Self { text, folded })
    }
}

fn check_local(local: &str) -> Result<(), ParseEmailError> {
    if !(1..=64).contains(&local.len()) {
        return Err(ParseEmailError::Local);
    }
    let mut before = b'.';
    for (at, byte) in local.bytes().enumerate() {
        let is_fine = match byte {
            b'.' => before != b'.' && at + 1 < local.len(),
            _ => byte.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&byte),
        };
        if !is_fine {
            return Err(ParseEmailError::Character { at });
        }
        before = byte;
    }
    Ok(())
}

fn check_domain(domain: &str, start: usize) -> Result<(), ParseEmailError> {
    let mut at = start;
    for label in domain.split('.') {
        if !(1..=63).contains(&label.len()) {
            return Err(ParseEmailError::Domain { at });
        }
        let last = label.len() - 1;
        let is_wrong = |(index, byte): &(usize, u8)| match byte {
            b'-' => *index == 0 || *index == last,
            _ => !byte.is_ascii_alphanumeric(),
        };
        if let Some((index, _)) = label.bytes().enumerate().find(is_wrong) {
            return Err(ParseEmailError::Character { at: at + index });
        }
        at += label.len() + 1;
    }
    Ok(())
}

impl PartialEq for Email {
    fn eq(&self, other: &Self) -> bool {
        self.folded == other.folded
    }
}

impl Eq for Email {}

impl Hash for Email {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.folded.hash(state);
    }
}

impl fmt::Display for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

impl fmt::Debug for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Email({:?})", &*self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_taken_as_they_are() {
        let longest = format!("{}@{}.example", "l".repeat(64), "d".repeat(63));
        for text in [
            "a@b",
            "admin@localhost",
            "first.last+tag@mail.example.co",
            "!#$%&'*+-/=?^_`{|}~@example.com",
            &longest,
        ] {
            let email: Email = text.parse().unwrap();
            assert_eq!((email.as_str(), email.folded()), (text, text));
        }
        assert_eq!("A.b@C.d".parse::<Email>().unwrap().folded(), "a.b@c.d");
        assert_eq!("A.b@C.d".parse::<Email>().unwrap().local(), "A.b");
    }

    #[test]
    fn what_is_wrong_is_named_by_its_position() {
        use ParseEmailError::{Character, Domain, Local, NoAt, TooLong};
        let long_label = format!("a@b.{}", "d".repeat(64));
        let long_local = format!("{}@example.com", "l".repeat(65));
        let too_long = format!("a@{}", "d.".repeat(127));
        for (text, error) in [
            ("", NoAt),
            ("ada", NoAt),
            ("@example.com", Local),
            (&*long_local, Local),
            ("a@", Domain { at: 2 }),
            ("a@.com", Domain { at: 2 }),
            ("a@example.", Domain { at: 10 }),
            (&*long_label, Domain { at: 4 }),
            ("a@b@c", Character { at: 3 }),
            ("a b@c", Character { at: 1 }),
            ("a@b c", Character { at: 3 }),
            (".a@b", Character { at: 0 }),
            ("a.@b", Character { at: 1 }),
            ("a..b@c", Character { at: 2 }),
            ("a@-b", Character { at: 2 }),
            ("a@b-.c", Character { at: 3 }),
            ("a@b\n", Character { at: 3 }),
            ("ü@b", Character { at: 0 }),
            ("a@[127.0.0.1]", Character { at: 2 }),
            (&*too_long, TooLong),
        ] {
            assert_eq!(text.parse::<Email>(), Err(error), "{text}");
        }
    }

    #[test]
    fn a_kelvin_sign_is_not_a_k() {
        assert!("\u{212a}im@example.com".parse::<Email>().is_err());
    }
}
