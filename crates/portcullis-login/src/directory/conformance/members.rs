//! Who is in an organisation.

use std::sync::Arc;

use portcullis_core::Timestamp;
use portcullis_registry::AuditEntry;

use super::{
    Outcome,
    accounts::{account, create},
    ensure, failed,
};
use crate::{Directory, MemberChange, MemberChanged, NewAccount, Role};

/// A change of what one account is in the organisation of another, by the application.
fn member_change(
    org: &NewAccount,
    user: &NewAccount,
    from: Option<Role>,
    to: Option<Role>,
) -> MemberChange {
    MemberChange {
        org: org.org.id.clone(),
        user: user.account.id.clone(),
        from,
        to,
        by: None,
        entry: AuditEntry {
            at: org.org.created_at,
            actor: "system".into(),
            action: "member.changed".into(),
            target: user.account.id.to_string(),
            owner: Some(org.org.id.clone()),
            ip: None,
            details: serde_json::json!({}),
        },
    }
}

async fn change_to(
    directory: &dyn Directory,
    change: MemberChange,
    expected: MemberChanged,
) -> Outcome {
    let changed = directory.change_member(change).await.map_err(failed)?;
    let is_expected = match (changed, expected) {
        (MemberChanged::Done { .. }, MemberChanged::Done { .. }) => true,
        (changed, expected) => changed == expected,
    };
    ensure(is_expected, changed)
}

const DONE: MemberChanged = MemberChanged::Done { is_logged: false };

async fn ensure_members(
    directory: &dyn Directory,
    org: &NewAccount,
    expected: &[(&NewAccount, Role)],
) -> Outcome {
    let members = directory.members(org.org.id.clone()).await;
    let members = members.map_err(failed)?;
    let found = members.iter().map(|member| (&member.account, member.role));
    let expected = expected.iter().map(|(new, role)| (&new.account, *role));
    ensure(found.eq(expected), &members)
}

pub(super) async fn members_are_listed_by_their_addresses(
    directory: Arc<dyn Directory>,
) -> Outcome {
    let directory = &*directory;
    let ada = create(directory, "m-ada@example.com", "ada").await?;
    let bob = create(directory, "Z-bob@example.com", "bob").await?;
    let eve = create(directory, "a-eve@example.com", "eve").await?;
    for (who, role) in [(&bob, Role::Admin), (&eve, Role::Auditor)] {
        change_to(directory, member_change(&ada, who, None, Some(role)), DONE).await?;
    }
    let all = [
        (&eve, Role::Auditor),
        (&ada, Role::Owner),
        (&bob, Role::Admin),
    ];
    ensure_members(directory, &ada, &all).await?;
    ensure_members(directory, &bob, &[(&bob, Role::Owner)]).await
}

/// Whoever is made a member elsewhere, of an older organisation too, logs in to the same as before.
pub(super) async fn memberships_are_in_the_order_of_joining(
    directory: Arc<dyn Directory>,
) -> Outcome {
    let directory = &*directory;
    let mut older = account("ada@example.com", "ada")?;
    older.org.created_at = Timestamp::from_unix_seconds(1_000);
    directory.create(older.clone()).await.map_err(failed)?;
    let bob = create(directory, "bob@example.com", "bob").await?;
    let eve = create(directory, "eve@example.com", "eve").await?;
    let (member, admin, owner) = (Some(Role::Member), Some(Role::Admin), Some(Role::Owner));
    for org in [&older, &eve] {
        change_to(directory, member_change(org, &bob, None, member), DONE).await?;
    }
    let joined = async || {
        let memberships = directory.memberships(bob.account.id.clone()).await;
        let memberships = memberships.map_err(failed)?;
        let all = memberships.into_iter();
        Ok::<_, String>(all.map(|found| found.org.slug).collect::<Vec<_>>())
    };
    let found = joined().await?;
    ensure(found == ["bob", "ada", "eve"], &found)?;
    // Another role changes no place; whoever comes back is the last.
    change_to(directory, member_change(&older, &bob, member, admin), DONE).await?;
    change_to(directory, member_change(&bob, &eve, None, owner), DONE).await?;
    change_to(directory, member_change(&bob, &bob, owner, admin), DONE).await?;
    let found = joined().await?;
    ensure(found == ["bob", "ada", "eve"], &found)?;
    change_to(directory, member_change(&older, &bob, admin, None), DONE).await?;
    change_to(directory, member_change(&older, &bob, None, member), DONE).await?;
    let found = joined().await?;
    ensure(found == ["bob", "eve", "ada"], &found)
}

pub(super) async fn a_member_changes_only_from_what_was_found(
    directory: Arc<dyn Directory>,
) -> Outcome {
    let directory = &*directory;
    let ada = create(directory, "ada@example.com", "ada").await?;
    let bob = create(directory, "bob@example.com", "bob").await?;
    let (member, admin) = (Some(Role::Member), Some(Role::Admin));
    let overtaken = MemberChanged::Overtaken;
    let change = |from, to| member_change(&ada, &bob, from, to);
    change_to(directory, change(member, admin), overtaken).await?;
    change_to(directory, change(member, None), overtaken).await?;
    ensure_members(directory, &ada, &[(&ada, Role::Owner)]).await?;
    change_to(directory, change(None, member), DONE).await?;
    change_to(directory, change(None, admin), overtaken).await?;
    change_to(directory, change(admin, None), overtaken).await?;
    // Nor if whoever changes it is something else than was found.
    let mut by_ada = change(member, admin);
    for role in [Role::Admin, Role::Member, Role::Auditor] {
        by_ada.by = Some((ada.account.id.clone(), role));
        change_to(directory, by_ada.clone(), overtaken).await?;
    }
    let both = [(&ada, Role::Owner), (&bob, Role::Member)];
    ensure_members(directory, &ada, &both).await?;
    by_ada.by = Some((ada.account.id.clone(), Role::Owner));
    change_to(directory, by_ada, DONE).await?;
    let both = [(&ada, Role::Owner), (&bob, Role::Admin)];
    ensure_members(directory, &ada, &both).await?;
    change_to(directory, change(admin, None), DONE).await?;
    ensure_members(directory, &ada, &[(&ada, Role::Owner)]).await?;
    // An account without the organisation that it began with is still one.
    ensure_members(directory, &bob, &[(&bob, Role::Owner)]).await
}

pub(super) async fn an_owner_is_always_left(directory: Arc<dyn Directory>) -> Outcome {
    let directory = &*directory;
    let ada = create(directory, "ada@example.com", "ada").await?;
    let bob = create(directory, "bob@example.com", "bob").await?;
    let owner = Some(Role::Owner);
    for to in [None, Some(Role::Admin), Some(Role::Member)] {
        let change = member_change(&ada, &ada, owner, to);
        change_to(directory, change, MemberChanged::LastOwner).await?;
    }
    // An admin is none, and neither is an owner of another organisation.
    let change = member_change(&ada, &bob, None, Some(Role::Admin));
    change_to(directory, change, DONE).await?;
    let change = member_change(&ada, &ada, owner, None);
    change_to(directory, change.clone(), MemberChanged::LastOwner).await?;
    let second = member_change(&ada, &bob, Some(Role::Admin), owner);
    change_to(directory, second, DONE).await?;
    change_to(directory, change, DONE).await?;
    ensure_members(directory, &ada, &[(&bob, Role::Owner)]).await
}

pub(super) async fn of_owners_who_depose_each_other_at_once_one_is_left(
    directory: Arc<dyn Directory>,
) -> Outcome {
    for round in 0..8 {
        let [one, two] = ["a", "b"].map(|who| format!("{who}{round}"));
        let one = create(&*directory, &format!("{one}@example.com"), &one).await?;
        let two = create(&*directory, &format!("{two}@example.com"), &two).await?;
        let owner = Some(Role::Owner);
        let second = member_change(&one, &two, None, owner);
        change_to(&*directory, second, DONE).await?;
        let depose = |who: &NewAccount| {
            let change = member_change(&one, who, owner, Some(Role::Member));
            let directory = Arc::clone(&directory);
            tokio::spawn(async move { directory.change_member(change).await })
        };
        let (first, second) = (depose(&two), depose(&one));
        let mut outcomes = Vec::new();
        for task in [first, second] {
            outcomes.push(task.await.map_err(failed)?.map_err(failed)?);
        }
        let done = outcomes
            .iter()
            .filter(|outcome| matches!(outcome, MemberChanged::Done { .. }));
        ensure(done.count() == 1, &outcomes)?;
        let is_last = outcomes.contains(&MemberChanged::LastOwner);
        ensure(is_last, &outcomes)?;
    }
    Ok(())
}

pub(super) async fn nobody_is_made_a_member_of_nothing(directory: Arc<dyn Directory>) -> Outcome {
    let directory = &*directory;
    let ada = create(directory, "ada@example.com", "ada").await?;
    let absent = account("bob@example.com", "bob")?;
    let member = Some(Role::Member);
    for (org, user) in [(&ada, &absent), (&absent, &ada), (&absent, &absent)] {
        let change = member_change(org, user, None, member);
        change_to(directory, change, MemberChanged::Overtaken).await?;
    }
    ensure_members(directory, &absent, &[]).await?;
    ensure_members(directory, &ada, &[(&ada, Role::Owner)]).await
}
