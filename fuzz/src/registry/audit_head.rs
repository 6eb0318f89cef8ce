//! A witness is read exactly if its documented text says so.

use portcullis_registry::AuditHead;

/// The bytes are a text.
///
/// - It is read exactly if it is digits of a number of 64 bits, a colon, and 64 lower-case
///   hexadecimal digits, and then as the same.
/// - A witness is read back from its text.
///
/// # Panics
/// If one of them doesn't hold.
pub fn audit_head(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let head = text.parse::<AuditHead>().ok();
    let read = head.map(|head| (u128::from(head.number), head.hash.to_string()));
    assert_eq!(read, reference(text));
    if let Some(head) = head {
        assert_eq!(head.to_string().parse(), Ok(head));
    }
}

fn reference(text: &str) -> Option<(u128, String)> {
    let (number, hash) = text.split_once(':')?;
    let mut value = None;
    for digit in number.chars() {
        let digit = ('0'..='9').position(|one| one == digit)?;
        let digit = u128::try_from(digit).ok()?;
        // Too large from there on, whatever follows.
        value = Some((value.unwrap_or(0) * 10 + digit).min(1 << 100));
    }
    let number = value.filter(|value| *value <= u128::from(u64::MAX))?;
    let is_hash = hash.len() == 64 && hash.chars().all(|one| "0123456789abcdef".contains(one));
    is_hash.then(|| (number, hash.to_owned()))
}
