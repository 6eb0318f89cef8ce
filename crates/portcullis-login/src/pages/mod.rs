//! Who is signed in to the pages: a session of a kind of its own, which no API accepts.

mod csrf;
mod devices;
mod service;
mod session;
mod user;

pub use csrf::Form;
pub use service::Pages;
pub use session::PageSession;
pub use user::{PageInfo, PageUser};
