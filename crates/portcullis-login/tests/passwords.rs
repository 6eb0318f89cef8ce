//! Passwords: peppers, parameters, bounds.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{num::NonZeroUsize, sync::Arc};

use portcullis_core::Secret;
use portcullis_login::{PasswordError, PasswordHash, PasswordParams, PasswordVerdict, Passwords};
use portcullis_token::{Pepper, PepperRing, PepperVersion};

fn secret(text: &str) -> Secret<String> {
    Secret::new(text.into())
}

fn cheap() -> PasswordParams {
    PasswordParams::dangerous_new(8, 1, 1).unwrap()
}

fn passwords(peppers: &PepperRing) -> Passwords {
    Passwords::new(peppers).with_params(cheap())
}

fn two() -> PepperVersion {
    PepperVersion::new(2).unwrap()
}

#[tokio::test]
async fn the_defaults_are_those_that_the_documentation_states() {
    let passwords = Passwords::new(&PepperRing::generate().unwrap());
    let hash = passwords.hash(&secret("correct horse")).await.unwrap();
    let text = hash.to_string();
    assert!(
        text.starts_with("1$argon2id$v=19$m=19456,t=2,p=1$"),
        "{text}"
    );
    let read: PasswordHash = text.parse().unwrap();
    let verdict = passwords
        .verify(&secret("correct horse"), Some(&read))
        .await;
    assert_eq!(verdict.unwrap(), PasswordVerdict::Match);
}

#[tokio::test]
async fn a_hash_has_a_salt_of_its_own() {
    let passwords = passwords(&PepperRing::generate().unwrap());
    let one = passwords.hash(&secret("same")).await.unwrap();
    let other = passwords.hash(&secret("same")).await.unwrap();
    assert_ne!(one, other);
}

#[tokio::test]
async fn a_password_is_told_from_others_to_the_last_byte() {
    let passwords = passwords(&PepperRing::generate().unwrap());
    let longest = "x".repeat(1_024);
    let hash = passwords.hash(&secret(&longest)).await.unwrap();
    for (text, expected) in [
        (longest.clone(), PasswordVerdict::Match),
        ("x".repeat(1_023), PasswordVerdict::Mismatch),
        (format!("{}y", "x".repeat(1_023)), PasswordVerdict::Mismatch),
        (String::new(), PasswordVerdict::Mismatch),
    ] {
        let verdict = passwords.verify(&secret(&text), Some(&hash)).await.unwrap();
        assert_eq!(verdict, expected, "{}", text.len());
    }
}

#[tokio::test]
async fn an_empty_or_over_long_password_is_refused_before_any_work() {
    let passwords = passwords(&PepperRing::generate().unwrap());
    let too_long = secret(&"x".repeat(1_025));
    let refused = passwords.hash(&too_long).await;
    assert!(
        matches!(refused, Err(PasswordError::TooLong)),
        "{refused:?}"
    );
    let refused = passwords.hash(&secret("")).await;
    assert!(matches!(refused, Err(PasswordError::Empty)), "{refused:?}");
    let refused = passwords.verify(&too_long, None).await;
    assert!(
        matches!(refused, Err(PasswordError::TooLong)),
        "{refused:?}"
    );
    assert_eq!(passwords.computed(), 0);
}

#[tokio::test]
async fn a_hash_under_another_pepper_is_outdated_then_unknown() {
    let ring = PepperRing::generate().unwrap();
    let old = passwords(&ring).hash(&secret("right")).await.unwrap();
    let ring = ring.with(two(), Pepper::generate().unwrap());
    let accepting = passwords(&ring);
    let verdict = accepting
        .verify(&secret("right"), Some(&old))
        .await
        .unwrap();
    assert_eq!(verdict, PasswordVerdict::Match, "not current yet");

    let ring = ring.with_current(two()).unwrap();
    let rotated = passwords(&ring);
    let verdict = rotated.verify(&secret("right"), Some(&old)).await.unwrap();
    assert_eq!(verdict, PasswordVerdict::MatchOutdated);
    let verdict = rotated.verify(&secret("wrong"), Some(&old)).await.unwrap();
    assert_eq!(verdict, PasswordVerdict::Mismatch);
    let new = rotated.hash(&secret("right")).await.unwrap();
    assert_eq!(new.pepper(), two());

    let retired = passwords(&ring.without(PepperVersion::FIRST).unwrap());
    let verdict = retired.verify(&secret("right"), Some(&old)).await.unwrap();
    assert_eq!(verdict, PasswordVerdict::UnknownPepper);
    assert_eq!(retired.computed(), 0);
}

#[tokio::test]
async fn the_pepper_is_needed_and_used_under_a_subkey_of_its_own() {
    let (one, other) = (Pepper::generate().unwrap(), Pepper::generate().unwrap());
    let ring = |pepper| PepperRing::new(PepperVersion::FIRST, pepper);
    let hash = passwords(&ring(one.clone()))
        .hash(&secret("right"))
        .await
        .unwrap();
    for wrong in [other, one.subkey("password"), one.subkey("imported keys")] {
        let verdict = passwords(&ring(wrong))
            .verify(&secret("right"), Some(&hash))
            .await;
        assert_eq!(verdict.unwrap(), PasswordVerdict::Mismatch);
    }
}

#[tokio::test]
async fn a_hash_of_other_parameters_is_outdated() {
    let ring = PepperRing::generate().unwrap();
    let old = passwords(&ring).hash(&secret("right")).await.unwrap();
    for (kib, passes, lanes) in [(16, 1, 1), (8, 2, 1), (16, 1, 2)] {
        let params = PasswordParams::dangerous_new(kib, passes, lanes).unwrap();
        let changed = Passwords::new(&ring).with_params(params);
        let verdict = changed.verify(&secret("right"), Some(&old)).await.unwrap();
        assert_eq!(verdict, PasswordVerdict::MatchOutdated, "{params:?}");
        let verdict = changed.verify(&secret("wrong"), Some(&old)).await.unwrap();
        assert_eq!(verdict, PasswordVerdict::Mismatch, "{params:?}");
    }
}

#[tokio::test]
async fn nobody_costs_as_much_and_never_matches() {
    let passwords = passwords(&PepperRing::generate().unwrap());
    for text in ["", "password of nobody", "right"] {
        let before = passwords.computed();
        let verdict = passwords.verify(&secret(text), None).await.unwrap();
        assert_eq!(verdict, PasswordVerdict::Mismatch);
        assert_eq!(passwords.computed(), before + 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn beyond_those_that_may_wait_passwords_are_refused_as_busy() {
    let params = PasswordParams::dangerous_new(2 * 1_024, 1, 1).unwrap();
    let one = NonZeroUsize::MIN;
    let passwords = Passwords::new(&PepperRing::generate().unwrap()).with_params(params);
    let passwords = Arc::new(passwords.with_concurrency(one, 2));
    let tasks: Vec<_> = (0..32)
        .map(|_| {
            let passwords = Arc::clone(&passwords);
            tokio::spawn(async move { passwords.hash(&secret("one of many")).await })
        })
        .collect();
    let mut busy = 0;
    for task in tasks {
        match task.await.unwrap() {
            Ok(_) => {}
            Err(error) => {
                assert!(matches!(error, PasswordError::Busy), "{error}");
                assert!(error.is_transient());
                busy += 1;
            }
        }
    }
    assert!((1..=29).contains(&busy), "{busy}");
    // All places are free again.
    assert!(passwords.hash(&secret("one more")).await.is_ok());
}
