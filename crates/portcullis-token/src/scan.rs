//! Finding credentials in bytes of any kind.

use std::{fmt, iter::FusedIterator, ops::Range};

use memchr::memmem::Finder;

use crate::{
    AnyToken, Brand, Environment, TokenFormat, TokenKind, base62,
    token::{TAIL_LENGTH, VERSION_AT},
};

/// What stands before every tail.
const MARK_LENGTH: usize = 6;

/// Finds every credential of this format, of any brand, in bytes of any kind.
///
/// What the iterator gives has a checksum that holds, so that a false positive is one in four
/// thousand million. Nothing needs to stand around a credential: it is found in an address
/// (`%3Dap_live_…`), in escaped text (`\nap_live_…`) and in the midst of a word. For one brand
/// alone see [`TokenFormat::scan`].
///
/// # Examples
/// ```
/// let log = b"GET /?u=1%26k%3Dap_test_qBhy02hoi8ucTVyAmSRnraF4pk0bZu3y9eSIu1mojYwMbG44K4V9zLN 200";
/// let found: Vec<_> = portcullis_token::scan(log).collect();
/// assert_eq!(found.len(), 1);
/// assert_eq!(found[0].range(), 16..79);
/// assert_eq!(found[0].token().to_string(), "ap_test_qBhy...TVyA");
///
/// assert_eq!(portcullis_token::scan(b"ap_test_ is the prefix").count(), 0);
/// ```
#[must_use]
pub fn scan(text: &[u8]) -> Scan<'_> {
    Scan::new(text, None)
}

impl TokenFormat {
    /// Finds every credential of this brand, of any kind and environment, in bytes of any kind.
    ///
    /// It is [`scan`] with the brand known.
    #[must_use]
    pub fn scan<'t>(&self, text: &'t [u8]) -> Scan<'t> {
        Scan::new(text, Some(self.brand()))
    }
}

/// The credentials in a text, in their order; made by [`scan`] and [`TokenFormat::scan`].
#[derive(Clone)]
pub struct Scan<'t> {
    text: &'t [u8],
    brand: Option<Brand>,
    /// Where the last credential ended: the next begins here or later.
    floor: usize,
    /// Where the next mark is looked for.
    from: usize,
    live: Mark,
    test: Mark,
}

/// A credential in a text.
#[derive(Clone, Debug)]
pub struct Found<'t> {
    range: Range<usize>,
    token: AnyToken<'t>,
}

impl<'t> Found<'t> {
    /// The bytes of the text that it takes up.
    #[must_use]
    pub fn range(&self) -> Range<usize> {
        self.range.clone()
    }

    /// The credential, of which the checksum holds.
    #[must_use]
    pub const fn token(&self) -> AnyToken<'t> {
        self.token
    }
}

impl<'t> Scan<'t> {
    fn new(text: &'t [u8], brand: Option<Brand>) -> Self {
        Self {
            text,
            brand,
            floor: 0,
            from: 0,
            live: Mark::new(b"_live_"),
            test: Mark::new(b"_test_"),
        }
    }

    /// The credential around the mark at this position, if there is one.
    fn read_at(&self, mark: usize, environment: Environment) -> Option<Found<'t>> {
        let tail_start = mark.checked_add(MARK_LENGTH)?;
        let tail: &[u8; TAIL_LENGTH] = self.text.get(tail_start..)?.first_chunk()?;
        let kind = TokenKind::from_version_character(tail[VERSION_AT])?;
        if !base62::is_all_base62(tail) {
            return None;
        }
        let head = self.text.get(self.floor..mark)?;
        let head = match kind.letter() {
            Some(letter) => head.strip_suffix(&[letter])?,
            None => head,
        };
        let found = |brand_length: usize| {
            let start = self.floor + (head.len() - brand_length);
            let range = start..tail_start + TAIL_LENGTH;
            let token = AnyToken::new(self.text.get(range.clone())?, kind, environment);
            token.checksum_holds().then_some(Found { range, token })
        };
        if let Some(brand) = self.brand {
            let brand = brand.as_bytes();
            return head.ends_with(brand).then(|| found(brand.len())).flatten();
        }
        // Where the brand begins can't be seen: the checksum decides among the possible places.
        let backwards = head.iter().rev().take(Brand::MAX_LENGTH).enumerate();
        let possible =
            backwards.take_while(|(_, byte)| byte.is_ascii_lowercase() || byte.is_ascii_digit());
        possible
            .filter(|&(before, byte)| byte.is_ascii_lowercase() && before + 1 >= Brand::MIN_LENGTH)
            .find_map(|(before, _)| found(before + 1))
    }
}

impl<'t> Iterator for Scan<'t> {
    type Item = Found<'t>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let live = self.live.seek(self.text, self.from);
            let test = self.test.seek(self.text, self.from);
            let (mark, environment) = match (live, test) {
                (Some(live), Some(test)) if test < live => (test, Environment::Test),
                (Some(live), _) => (live, Environment::Live),
                (None, Some(test)) => (test, Environment::Test),
                (None, None) => return None,
            };
            // A tail has no `_`, so the next mark is behind a credential that was found here.
            self.from = mark + 1;
            if let Some(found) = self.read_at(mark, environment) {
                self.floor = found.range.end;
                return Some(found);
            }
        }
    }
}

impl FusedIterator for Scan<'_> {}

impl fmt::Debug for Scan<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scan")
            .field("brand", &self.brand)
            .field("from", &self.from)
            .finish_non_exhaustive()
    }
}

/// One of the two marks, and where it was seen last, so that each text is searched once for it.
#[derive(Clone)]
struct Mark {
    finder: Finder<'static>,
    seen: Seen,
}

#[derive(Clone, Copy)]
enum Seen {
    At(usize),
    Never,
    NotLooked,
}

impl Mark {
    fn new(mark: &'static [u8; MARK_LENGTH]) -> Self {
        Self {
            finder: Finder::new(mark),
            seen: Seen::NotLooked,
        }
    }

    /// The first of these marks at `from` or behind it; `from` never decreases.
    fn seek(&mut self, text: &[u8], from: usize) -> Option<usize> {
        match self.seen {
            Seen::Never => return None,
            Seen::At(at) if at >= from => return Some(at),
            Seen::At(_) | Seen::NotLooked => {}
        }
        let at = self.finder.find(text.get(from..)?).map(|at| from + at);
        self.seen = at.map_or(Seen::Never, Seen::At);
        at
    }
}
