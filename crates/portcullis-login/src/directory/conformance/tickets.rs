//! What is waited for.

use std::sync::Arc;

use portcullis_core::Timestamp;
use portcullis_registry::User;

use super::{Outcome, ensure, failed};
use crate::{Directory, Ticket, TicketKind, TicketMac, TicketPut};

fn mac(byte: u8) -> TicketMac {
    TicketMac::from_bytes([byte; 32])
}

fn at(seconds: i64) -> Timestamp {
    // To the microsecond.
    Timestamp::from_unix_micros(seconds * 1_000_000 + 1)
}

/// A ticket that nobody has written yet.
fn ticket(kind: TicketKind, byte: u8) -> Ticket {
    Ticket {
        kind,
        mac: mac(byte),
        second: None,
        user: None,
        version: 0,
        expires_at: at(1_767_225_600),
        body: format!("{{\"number\":{byte},\"text\":\"O'Neil; --\u{1f600}\"}}"),
    }
}

fn user(name: &str) -> Result<User, String> {
    name.parse().map_err(failed)
}

async fn put(directory: &dyn Directory, ticket: &Ticket, expected: TicketPut) -> Outcome {
    let put = directory.put_ticket(ticket.clone()).await;
    let put = put.map_err(failed)?;
    ensure(put == expected, (put, ticket))
}

/// As it is read back after so many writes.
fn written(ticket: &Ticket, version: u64) -> Ticket {
    Ticket {
        version,
        ..ticket.clone()
    }
}

async fn ensure_ticket(
    directory: &dyn Directory,
    kind: TicketKind,
    mac: TicketMac,
    expected: Option<&Ticket>,
) -> Outcome {
    let found = directory.ticket(kind, mac).await.map_err(failed)?;
    ensure(found.as_ref() == expected, &found)
}

async fn ensure_second(
    directory: &dyn Directory,
    kind: TicketKind,
    second: TicketMac,
    expected: Option<&Ticket>,
) -> Outcome {
    let found = directory.ticket_by_second(kind, second).await;
    let found = found.map_err(failed)?;
    ensure(found.as_ref() == expected, &found)
}

pub(super) async fn a_ticket_is_read_back_by_each_of_its_macs(
    directory: Arc<dyn Directory>,
) -> Outcome {
    let directory = &*directory;
    let kind = TicketKind::Device;
    ensure_ticket(directory, kind, mac(1), None).await?;
    ensure_second(directory, kind, mac(2), None).await?;
    let mut new = ticket(kind, 1);
    new.second = Some(mac(2));
    new.user = Some(user("usr_ada")?);
    put(directory, &new, TicketPut::Done).await?;
    let kept = written(&new, 1);
    ensure_ticket(directory, kind, mac(1), Some(&kept)).await?;
    ensure_second(directory, kind, mac(2), Some(&kept)).await?;
    // Neither stands for the other.
    ensure_ticket(directory, kind, mac(2), None).await?;
    ensure_second(directory, kind, mac(1), None).await?;
    // One that is of no use any more is read as well.
    let mut old = ticket(kind, 3);
    old.expires_at = at(-5);
    put(directory, &old, TicketPut::Done).await?;
    ensure_ticket(directory, kind, mac(3), Some(&written(&old, 1))).await
}

pub(super) async fn tickets_are_told_apart_by_their_kind(directory: Arc<dyn Directory>) -> Outcome {
    let directory = &*directory;
    let of_kind = |kind| {
        let mut new = ticket(kind, 1);
        new.second = Some(mac(2));
        new.body = format!("{{\"kind\":\"{}\"}}", kind.as_str());
        new
    };
    for kind in TicketKind::ALL {
        put(directory, &of_kind(kind), TicketPut::Done).await?;
    }
    for kind in TicketKind::ALL {
        let kept = written(&of_kind(kind), 1);
        ensure_ticket(directory, kind, mac(1), Some(&kept)).await?;
        ensure_second(directory, kind, mac(2), Some(&kept)).await?;
    }
    let removed = directory.remove_ticket(TicketKind::Code, mac(1)).await;
    ensure(removed.map_err(failed)?, "not removed")?;
    for kind in TicketKind::ALL {
        let kept = written(&of_kind(kind), 1);
        let kept = Some(&kept).filter(|_| kind != TicketKind::Code);
        ensure_ticket(directory, kind, mac(1), kept).await?;
    }
    Ok(())
}

pub(super) async fn a_new_ticket_takes_the_place_of_none(directory: Arc<dyn Directory>) -> Outcome {
    let directory = &*directory;
    let new = ticket(TicketKind::Page, 1);
    put(directory, &new, TicketPut::Done).await?;
    let mut other = new.clone();
    other.body = "{}".into();
    put(directory, &other, TicketPut::Overtaken).await?;
    let kept = written(&new, 1);
    ensure_ticket(directory, TicketKind::Page, mac(1), Some(&kept)).await
}

pub(super) async fn a_second_mac_is_had_by_one_of_a_kind(directory: Arc<dyn Directory>) -> Outcome {
    let directory = &*directory;
    let kind = TicketKind::Device;
    let with_second = |byte, second| Ticket {
        second: Some(mac(second)),
        ..ticket(kind, byte)
    };
    put(directory, &with_second(1, 9), TicketPut::Done).await?;
    put(directory, &with_second(2, 9), TicketPut::Overtaken).await?;
    ensure_ticket(directory, kind, mac(2), None).await?;
    // Nor by a change.
    put(directory, &with_second(2, 8), TicketPut::Done).await?;
    let change = written(&with_second(2, 9), 1);
    put(directory, &change, TicketPut::Overtaken).await?;
    let kept = written(&with_second(2, 8), 1);
    ensure_ticket(directory, kind, mac(2), Some(&kept)).await?;
    let first = written(&with_second(1, 9), 1);
    ensure_second(directory, kind, mac(9), Some(&first)).await?;
    // Whose own it is may keep it, and once it is gone another may have it; none has no second.
    put(directory, &first, TicketPut::Done).await?;
    let removed = directory.remove_ticket(kind, mac(1)).await;
    ensure(removed.map_err(failed)?, "not removed")?;
    put(directory, &with_second(3, 9), TicketPut::Done).await?;
    put(directory, &ticket(kind, 4), TicketPut::Done).await?;
    put(directory, &ticket(kind, 5), TicketPut::Done).await
}

pub(super) async fn a_ticket_changes_only_from_the_version_that_was_read(
    directory: Arc<dyn Directory>,
) -> Outcome {
    let directory = &*directory;
    let kind = TicketKind::Device;
    let new = ticket(kind, 1);
    put(directory, &written(&new, 1), TicketPut::Overtaken).await?;
    ensure_ticket(directory, kind, mac(1), None).await?;
    put(directory, &new, TicketPut::Done).await?;
    let mut change = written(&new, 1);
    change.second = Some(mac(7));
    change.user = Some(user("usr_ada")?);
    change.expires_at = at(9);
    change.body = "{\"state\":\"approved\"}".into();
    put(directory, &change, TicketPut::Done).await?;
    let kept = written(&change, 2);
    ensure_ticket(directory, kind, mac(1), Some(&kept)).await?;
    for version in [0, 1, 3] {
        let mut late = written(&new, version);
        late.body = "{\"state\":\"denied\"}".into();
        put(directory, &late, TicketPut::Overtaken).await?;
    }
    ensure_ticket(directory, kind, mac(1), Some(&kept)).await?;
    // What is not there any more is taken away.
    put(directory, &written(&new, 2), TicketPut::Done).await?;
    ensure_ticket(directory, kind, mac(1), Some(&written(&new, 3))).await?;
    ensure_second(directory, kind, mac(7), None).await
}

pub(super) async fn of_concurrent_changes_of_one_version_one_is_made(
    directory: Arc<dyn Directory>,
) -> Outcome {
    for version in [0, 1] {
        let mut tasks = Vec::new();
        for number in 0..8 {
            let mut change = written(&ticket(TicketKind::Code, 1), version);
            change.body = format!("{{\"number\":{number}}}");
            let directory = Arc::clone(&directory);
            tasks.push(tokio::spawn(
                async move { directory.put_ticket(change).await },
            ));
        }
        let mut done = 0;
        for task in tasks {
            let put = task.await.map_err(failed)?.map_err(failed)?;
            done += u32::from(put == TicketPut::Done);
        }
        ensure(done == 1, (version, done))?;
    }
    Ok(())
}

pub(super) async fn a_removed_ticket_is_gone_and_not_changed(
    directory: Arc<dyn Directory>,
) -> Outcome {
    let directory = &*directory;
    let kind = TicketKind::Page;
    let new = ticket(kind, 1);
    put(directory, &new, TicketPut::Done).await?;
    put(directory, &ticket(kind, 2), TicketPut::Done).await?;
    for expected in [true, false] {
        let removed = directory.remove_ticket(kind, mac(1)).await;
        ensure(removed.map_err(failed)? == expected, expected)?;
    }
    // Whoever has read it before does not bring it back.
    put(directory, &written(&new, 1), TicketPut::Overtaken).await?;
    ensure_ticket(directory, kind, mac(1), None).await?;
    let other = written(&ticket(kind, 2), 1);
    ensure_ticket(directory, kind, mac(2), Some(&other)).await
}

pub(super) async fn tickets_of_somebody_are_those_of_one_kind_the_last_to_end_first(
    directory: Arc<dyn Directory>,
) -> Outcome {
    let directory = &*directory;
    let mut all = Vec::new();
    for (byte, kind, name, ends) in [
        (1, TicketKind::Page, Some("usr_ada"), 20),
        (2, TicketKind::Page, Some("usr_ada"), 30),
        (3, TicketKind::Page, Some("usr_ada"), -10),
        (4, TicketKind::Page, Some("usr_bob"), 40),
        (5, TicketKind::Code, Some("usr_ada"), 50),
        (6, TicketKind::Page, None, 60),
    ] {
        let mut new = ticket(kind, byte);
        new.user = name.map(user).transpose()?;
        new.expires_at = at(ends);
        put(directory, &new, TicketPut::Done).await?;
        all.push(written(&new, 1));
    }
    for (kind, name, bytes) in [
        (TicketKind::Page, "usr_ada", &[2, 1, 3][..]),
        (TicketKind::Page, "usr_bob", &[4]),
        (TicketKind::Code, "usr_ada", &[5]),
        (TicketKind::Code, "usr_bob", &[]),
        (TicketKind::Device, "usr_ada", &[]),
    ] {
        let found = directory.tickets_of(kind, user(name)?).await;
        let found = found.map_err(failed)?;
        let expected = bytes.iter().filter_map(|byte| {
            let mut all = all.iter();
            all.find(|ticket| ticket.mac == mac(*byte))
        });
        ensure(found.iter().eq(expected), &found)?;
    }
    Ok(())
}

pub(super) async fn tickets_that_ended_before_are_removed_and_no_more_than_asked_for(
    directory: Arc<dyn Directory>,
) -> Outcome {
    let directory = &*directory;
    let mut all = Vec::new();
    for (byte, kind) in (1..).zip([
        TicketKind::Device,
        TicketKind::Code,
        TicketKind::Page,
        TicketKind::Client,
        TicketKind::Device,
    ]) {
        let mut new = ticket(kind, byte);
        new.expires_at = at(i64::from(byte));
        put(directory, &new, TicketPut::Done).await?;
        all.push(new);
    }
    // Those of 1, 2 and 3 ended before 4; whichever of them go first.
    for (limit, expected) in [(0, 0), (2, 2), (2, 1), (2, 0)] {
        let removed = directory.remove_tickets_before(at(4), limit).await;
        let removed = removed.map_err(failed)?;
        ensure(removed == expected, (limit, removed))?;
    }
    for (index, new) in all.iter().enumerate() {
        let kept = written(new, 1);
        let kept = Some(&kept).filter(|_| index >= 3);
        ensure_ticket(directory, new.kind, new.mac, kept).await?;
    }
    Ok(())
}

pub(super) async fn a_dropped_put_happens_whole_or_not_at_all(
    directory: Arc<dyn Directory>,
) -> Outcome {
    let mut new = ticket(TicketKind::Device, 1);
    new.second = Some(mac(2));
    drop(directory.put_ticket(new.clone()));
    let mut polled = directory.put_ticket(new.clone());
    std::future::poll_fn(|cx| {
        // Whatever it says: it is dropped after this.
        drop(polled.as_mut().poll(cx));
        std::task::Poll::Ready(())
    })
    .await;
    drop(polled);
    // Writes are in order, so this one sees what became of the other.
    let again = directory.put_ticket(new.clone()).await;
    let _: TicketPut = again.map_err(failed)?;
    let kept = written(&new, 1);
    ensure_ticket(&*directory, new.kind, mac(1), Some(&kept)).await?;
    ensure_second(&*directory, new.kind, mac(2), Some(&kept)).await
}
