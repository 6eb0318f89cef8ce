//! What is stored of a password.

use std::{fmt, str::FromStr};

use argon2::{
    Algorithm, Argon2, Params, Version,
    password_hash::phc::{Output, ParamsString, PasswordHash as Phc, Salt},
};
use portcullis_token::PepperVersion;
use zeroize::Zeroizing;

use super::{PasswordError, PasswordParams, memory::Buffer, peppered::Peppered};

/// How long new hashes are.
const OUTPUT_BYTES: usize = 32;

/// What is stored of a password: the version of the pepper and a hash in PHC form.
///
/// It is worth little without the pepper, but `Debug` does not show it.
///
/// # Syntax
/// `1$argon2id$v=19$m=19456,t=2,p=1$SALT$HASH`: the pepper's version, then a PHC string, which
/// begins with its own `$`. Hashes of argon2i and argon2d are read too, within the range of
/// [`PasswordParams`].
#[derive(Clone, Eq, PartialEq)]
pub struct PasswordHash {
    pepper: PepperVersion,
    algorithm: Algorithm,
    version: Version,
    params: PasswordParams,
    salt: Salt,
    output: Output,
}

/// A text that is not a stored hash of a password. The text itself is never kept.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("not the version of a pepper and a hash of argon2 in PHC form")]
pub struct ParsePasswordHashError;

impl PasswordHash {
    /// The version of the pepper that it was made with.
    #[must_use]
    pub const fn pepper(&self) -> PepperVersion {
        self.pepper
    }

    /// Whether a hash made today would have this form: argon2id, these parameters.
    pub(super) fn is_made_with(&self, params: PasswordParams) -> bool {
        self.algorithm == Algorithm::Argon2id
            && self.version == Version::V0x13
            && self.params == params
            && self.output.len() == OUTPUT_BYTES
    }

    /// Hashes a password.
    pub(super) fn compute(
        pepper: PepperVersion,
        params: PasswordParams,
        salt: [u8; Salt::RECOMMENDED_LENGTH],
        password: &Peppered,
        memory: &mut Buffer,
    ) -> Result<Self, PasswordError> {
        // Of any output: its length is all that matters.
        let mut hash = Self::dangerous_from_parts(pepper, params, salt, [0; OUTPUT_BYTES])?;
        let output = hash.derive(password, memory)?;
        hash.output = Output::new(&output).map_err(PasswordError::failed)?;
        Ok(hash)
    }

    /// A hash of this output, whatever password that would be.
    pub(super) fn dangerous_from_parts(
        pepper: PepperVersion,
        params: PasswordParams,
        salt: [u8; Salt::RECOMMENDED_LENGTH],
        output: [u8; OUTPUT_BYTES],
    ) -> Result<Self, PasswordError> {
        Ok(Self {
            pepper,
            algorithm: Algorithm::Argon2id,
            version: Version::V0x13,
            params,
            salt: Salt::new(&salt).map_err(PasswordError::failed)?,
            output: Output::new(&output).map_err(PasswordError::failed)?,
        })
    }

    /// Hashes a password as this one was and compares the two in constant time.
    pub(super) fn is_of(
        &self,
        password: &Peppered,
        memory: &mut Buffer,
    ) -> Result<bool, PasswordError> {
        let output = self.derive(password, memory)?;
        let output = Output::new(&output).map_err(PasswordError::failed)?;
        // The comparison of `Output` takes the same time wherever the two differ.
        Ok(output == self.output)
    }

    /// The one place where argon2 runs.
    fn derive(
        &self,
        password: &Peppered,
        memory: &mut Buffer,
    ) -> Result<Zeroizing<Vec<u8>>, PasswordError> {
        let length = self.output.len();
        let params = self.params.for_argon2(length);
        let params = params.map_err(PasswordError::failed)?;
        let blocks = memory.blocks(params.block_count())?;
        let mut output = Zeroizing::new(vec![0; length]);
        let argon2 = Argon2::new(self.algorithm, self.version, params);
        argon2
            .hash_password_into_with_memory(password.as_bytes(), &self.salt, &mut output, blocks)
            .map_err(PasswordError::failed)?;
        Ok(output)
    }

    fn phc(&self) -> Option<Phc> {
        let params = self.params.for_argon2(self.output.len()).ok()?;
        Some(Phc {
            algorithm: self.algorithm.ident(),
            version: Some(self.version.into()),
            params: ParamsString::try_from(&params).ok()?,
            salt: Some(self.salt),
            hash: Some(self.output),
        })
    }
}

impl FromStr for PasswordHash {
    type Err = ParsePasswordHashError;

    fn from_str(text: &str) -> Result<Self, ParsePasswordHashError> {
        let read = || {
            let (version, phc) = text.split_at_checked(text.find('$')?)?;
            let pepper = version.parse().ok()?;
            let phc = Phc::new(phc).ok()?;
            let params = Params::try_from(&phc).ok()?;
            if !params.keyid().is_empty() || !params.data().is_empty() {
                return None;
            }
            Some(Self {
                pepper,
                algorithm: phc.algorithm.as_str().try_into().ok()?,
                version: phc.version?.try_into().ok()?,
                params: PasswordParams::of(&params).ok()?,
                salt: phc.salt?,
                output: phc.hash?,
            })
        };
        read().ok_or(ParsePasswordHashError)
    }
}

/// The text to be stored, as [`PasswordHash::from_str`] reads it.
impl fmt::Display for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let phc = self.phc().ok_or(fmt::Error)?;
        write!(f, "{}{phc}", self.pepper)
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PasswordHash")
            .field("pepper", &self.pepper.number())
            .field("params", &self.params)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use argon2::ARGON2ID_IDENT;
    use portcullis_core::Secret;
    use portcullis_token::Pepper;

    use super::{super::memory::Memory, *};

    const TEXT: &str = "3$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHRzYWx0c2FsdA$AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";

    #[test]
    fn its_text_is_the_hash() {
        let hash: PasswordHash = TEXT.parse().unwrap();
        assert_eq!(hash.to_string(), TEXT);
        assert_eq!(hash.pepper().number(), 3);
        assert!(!format!("{hash:?}").contains("AAECAw"));
    }

    #[test]
    fn what_is_not_a_hash_is_refused() {
        for text in [
            "",
            "1",
            "$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHRzYWx0c2FsdA$AAECAwQFBgcICQoLDA0ODw",
            "0$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHRzYWx0c2FsdA$AAECAwQFBgcICQoLDA0ODw",
            "1$scrypt$v=19$m=8,t=1,p=1$c2FsdHNhbHRzYWx0c2FsdA$AAECAwQFBgcICQoLDA0ODw",
            "1$argon2id$v=18$m=8,t=1,p=1$c2FsdHNhbHRzYWx0c2FsdA$AAECAwQFBgcICQoLDA0ODw",
            "1$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHRzYWx0c2FsdA",
            "1$argon2id$v=19$m=4,t=1,p=1$c2FsdHNhbHRzYWx0c2FsdA$AAECAwQFBgcICQoLDA0ODw",
            "1$argon2id$v=19$m=4294967295,t=1,p=1$c2FsdHNhbHRzYWx0c2FsdA$AAECAwQFBgcICQoLDA0ODw",
            "1$argon2id$v=19$m=8,t=4000000000,p=1$c2FsdHNhbHRzYWx0c2FsdA$AAECAwQFBgcICQoLDA0ODw",
        ] {
            assert_eq!(
                text.parse::<PasswordHash>(),
                Err(ParsePasswordHashError),
                "{text}"
            );
        }
    }

    #[test]
    fn a_hash_is_argon2id_of_the_hmac_of_the_password() {
        let pepper = Pepper::from_bytes([7; 32]);
        let params = PasswordParams::dangerous_new(8, 1, 1).unwrap();
        let peppered = Peppered::new(&pepper, &Secret::new("correct horse".into())).unwrap();
        let mut memory = Arc::new(Memory::default()).take(params);
        let hash = PasswordHash::compute(
            PepperVersion::FIRST,
            params,
            [9; 16],
            &peppered,
            &mut memory,
        );
        let hash = hash.unwrap();

        let mut expected = [0; 32];
        let argon2 = Argon2::new(
            Algorithm::Argon2id,
            Version::V0x13,
            Params::new(8, 1, 1, Some(32)).unwrap(),
        );
        let mac = pepper.mac_message(b"correct horse");
        argon2
            .hash_password_into(mac.as_bytes(), &[9; 16], &mut expected)
            .unwrap();
        assert_eq!(hash.output.as_bytes(), expected);
        assert_eq!(hash.algorithm.ident(), ARGON2ID_IDENT);
        assert!(hash.is_of(&peppered, &mut memory).unwrap());
        let other = Peppered::new(&pepper, &Secret::new("correct horsf".into())).unwrap();
        assert!(!hash.is_of(&other, &mut memory).unwrap());
    }
}
