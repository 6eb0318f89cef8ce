//! Credits: reserved before a handler runs, settled or released after it; the allowance of a month;
//! the ledger.

mod account;
mod behind;
mod books;
mod charge;
mod grant;
mod ledger;
mod month;
mod reservation;
mod settlement;
mod stored;

pub use account::{Account, Hold, Period, Terms};
pub use books::{Books, Held, apply_movement};
pub use charge::{Charge, Credits, Ending, ReserveError};
pub use grant::CreditGrant;
pub use ledger::{
    LedgerCheck, LedgerKind, LedgerLine, LedgerListing, LedgerPage, LedgerQuery, LineNumber,
    NewLine, ParseLedgerKindError,
};
pub use reservation::Reservation;
pub use settlement::Settlement;
