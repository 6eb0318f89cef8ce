//! Accounts, and their passwords.

use std::sync::Arc;

use portcullis_core::Timestamp;
use portcullis_token::PepperVersion;

use super::{Outcome, ensure, failed};
use crate::{Directory, DirectoryError, Email, NewAccount, PasswordHash, Replaced, Role};

pub(super) fn email(text: &str) -> Result<Email, String> {
    text.parse().map_err(failed)
}

/// A hash of no password, which differs by its salt.
pub(super) fn hash(salt: char) -> Result<PasswordHash, String> {
    let salt = String::from(salt).repeat(21);
    let output = "A".repeat(43);
    let text = format!("7$argon2id$v=19$m=8,t=1,p=1${salt}A${output}");
    text.parse().map_err(failed)
}

pub(super) fn account(address: &str, slug: &str) -> Result<NewAccount, String> {
    let now = Timestamp::from_unix_micros(1_767_225_600_123_456);
    NewAccount::with_org(email(address)?, "Ada", hash('a')?, "Ada's", slug, now).map_err(failed)
}

pub(super) async fn create(
    directory: &dyn Directory,
    address: &str,
    slug: &str,
) -> Result<NewAccount, String> {
    let new = account(address, slug)?;
    directory.create(new.clone()).await.map_err(failed)?;
    Ok(new)
}

pub(super) async fn ensure_is_there(directory: &dyn Directory, new: &NewAccount) -> Outcome {
    let id = &new.account.id;
    let stored = directory.account_by_email(new.account.email.clone());
    let stored = stored.await.map_err(failed)?;
    let same = stored.as_ref().is_some_and(|stored| {
        stored.password == new.password
            && stored.account == new.account
            && stored.account.email.as_str() == new.account.email.as_str()
    });
    ensure(same, &stored)?;
    let by_id = directory.account(id.clone()).await.map_err(failed)?;
    ensure(by_id.as_ref() == Some(&new.account), &by_id)?;
    let memberships = directory.memberships(id.clone()).await.map_err(failed)?;
    let is_one = matches!(&*memberships, [one] if one.org == new.org && one.role == new.role);
    ensure(is_one, &memberships)
}

pub(super) async fn ensure_count(directory: &dyn Directory, expected: u64) -> Outcome {
    let count = directory.count_accounts().await.map_err(failed)?;
    ensure(count == expected, count)
}

pub(super) async fn an_empty_directory_has_nobody(directory: Arc<dyn Directory>) -> Outcome {
    ensure_count(&*directory, 0).await?;
    let absent = account("ada@example.com", "ada")?;
    let by_email = directory.account_by_email(absent.account.email.clone());
    let by_email = by_email.await.map_err(failed)?;
    ensure(by_email.is_none(), &by_email)?;
    let id = absent.account.id;
    let by_id = directory.account(id.clone()).await.map_err(failed)?;
    ensure(by_id.is_none(), &by_id)?;
    let memberships = directory.memberships(id).await.map_err(failed)?;
    ensure(memberships.is_empty(), &memberships)
}

pub(super) async fn what_was_created_is_read_back(directory: Arc<dyn Directory>) -> Outcome {
    let ada = create(&*directory, "Ada@example.com", "ada").await?;
    let bob = create(&*directory, "bob@example.com", "bob").await?;
    ensure_count(&*directory, 2).await?;
    ensure_is_there(&*directory, &ada).await?;
    ensure_is_there(&*directory, &bob).await
}

pub(super) async fn an_address_is_found_whatever_its_case(
    directory: Arc<dyn Directory>,
) -> Outcome {
    create(&*directory, "Ada@Example.com", "ada").await?;
    let found = directory.account_by_email(email("aDA@eXAMPLE.COM")?);
    let found = found.await.map_err(failed)?;
    let text = found.map(|stored| stored.account.email.to_string());
    ensure(text.as_deref() == Some("Ada@Example.com"), &text)
}

pub(super) async fn an_address_is_taken_whatever_its_case(
    directory: Arc<dyn Directory>,
) -> Outcome {
    create(&*directory, "ada@example.com", "ada").await?;
    let second = directory.create(account("ADA@example.com", "other")?).await;
    ensure(matches!(second, Err(DirectoryError::EmailTaken)), &second)
}

pub(super) async fn a_slug_is_taken_once(directory: Arc<dyn Directory>) -> Outcome {
    create(&*directory, "ada@example.com", "ada").await?;
    let second = directory.create(account("bob@example.com", "ada")?).await;
    ensure(matches!(second, Err(DirectoryError::SlugTaken)), &second)
}

pub(super) async fn a_refused_account_leaves_nothing(directory: Arc<dyn Directory>) -> Outcome {
    let ada = create(&*directory, "ada@example.com", "ada").await?;
    for refused in [
        account("ada@example.com", "other")?,
        account("bob@example.com", "ada")?,
    ] {
        let outcome = directory.create(refused.clone()).await;
        ensure(outcome.is_err(), &outcome)?;
        let found = directory.account(refused.account.id.clone()).await;
        let found = found.map_err(failed)?;
        ensure(found.is_none(), &found)?;
        let memberships = directory.memberships(refused.account.id).await;
        let memberships = memberships.map_err(failed)?;
        ensure(memberships.is_empty(), &memberships)?;
    }
    ensure_count(&*directory, 1).await?;
    ensure_is_there(&*directory, &ada).await?;
    // What was refused has taken neither the address nor the slug.
    create(&*directory, "bob@example.com", "other")
        .await
        .map(drop)
}

pub(super) async fn of_concurrent_accounts_of_one_address_one_is_made(
    directory: Arc<dyn Directory>,
) -> Outcome {
    let mut tasks = Vec::new();
    for number in 0..8 {
        let new = account("ada@example.com", &format!("ada-{number}"))?;
        let directory = Arc::clone(&directory);
        tasks.push(tokio::spawn(async move { directory.create(new).await }));
    }
    let mut made = 0;
    for task in tasks {
        match task.await.map_err(failed)? {
            Ok(()) => made += 1,
            Err(DirectoryError::EmailTaken) => {}
            Err(error) => return Err(failed(error)),
        }
    }
    ensure(made == 1, made)?;
    ensure_count(&*directory, 1).await
}

pub(super) async fn a_dropped_create_happens_whole_or_not_at_all(
    directory: Arc<dyn Directory>,
) -> Outcome {
    let new = account("ada@example.com", "ada")?;
    drop(directory.create(new.clone()));
    let mut polled = directory.create(new.clone());
    std::future::poll_fn(|cx| {
        // Whatever it says: it is dropped after this.
        drop(polled.as_mut().poll(cx));
        std::task::Poll::Ready(())
    })
    .await;
    drop(polled);
    // Writes are in order, so this one sees what became of the other.
    let again = directory.create(new.clone()).await;
    let is_fine = matches!(again, Ok(()) | Err(DirectoryError::EmailTaken));
    ensure(is_fine, &again)?;
    ensure_is_there(&*directory, &new).await
}

pub(super) async fn a_hash_is_replaced_only_if_it_is_the_old_one(
    directory: Arc<dyn Directory>,
) -> Outcome {
    let mut ada = create(&*directory, "ada@example.com", "ada").await?;
    let bob = create(&*directory, "bob@example.com", "bob").await?;
    let id = ada.account.id.clone();
    let replaced = directory.replace_password_hash(id.clone(), hash('a')?, hash('b')?);
    let replaced = replaced.await.map_err(failed)?;
    ensure(replaced == Replaced::Done, replaced)?;
    ada.password = hash('b')?;
    ensure_is_there(&*directory, &ada).await?;
    let overtaken = directory.replace_password_hash(id, hash('a')?, hash('c')?);
    let overtaken = overtaken.await.map_err(failed)?;
    ensure(overtaken == Replaced::Overtaken, overtaken)?;
    ensure_is_there(&*directory, &ada).await?;
    ensure_is_there(&*directory, &bob).await?;
    let nobody = account("nobody@example.com", "nobody")?.account.id;
    let nobody = directory.replace_password_hash(nobody, hash('a')?, hash('b')?);
    let nobody = nobody.await.map_err(failed)?;
    ensure(nobody == Replaced::Overtaken, nobody)
}

pub(super) async fn roles_and_texts_survive_as_they_are(directory: Arc<dyn Directory>) -> Outcome {
    for (number, role) in Role::ALL.into_iter().enumerate() {
        let mut new = account(
            &format!("o'neil+{number}@example.com"),
            &format!("s-{number}"),
        )?;
        new.role = role;
        new.account.name = format!("Zoë \"{number}\" O'Neil; --\u{1f600}");
        new.org.name = String::new();
        directory.create(new.clone()).await.map_err(failed)?;
        ensure_is_there(&*directory, &new).await?;
    }
    Ok(())
}

pub(super) async fn passwords_are_counted_by_the_pepper_that_they_are_under(
    directory: Arc<dyn Directory>,
) -> Outcome {
    // Versions of which one begins with the other's digits.
    for (number, pepper) in [7_u16, 7, 71, 1].into_iter().enumerate() {
        let mut new = account(&format!("{number}@example.com"), &format!("org-{number}"))?;
        let text = format!(
            "{pepper}$argon2id$v=19$m=8,t=1,p=1${}A${}",
            "a".repeat(21),
            "A".repeat(43)
        );
        new.password = text.parse().map_err(failed)?;
        directory.create(new).await.map_err(failed)?;
    }
    for (pepper, expected) in [(7, 2), (71, 1), (1, 1), (2, 0)] {
        let version = PepperVersion::new(pepper).ok_or("no version")?;
        let count = directory
            .count_passwords_under(version)
            .await
            .map_err(failed)?;
        ensure(count == expected, (pepper, count))?;
    }
    Ok(())
}
