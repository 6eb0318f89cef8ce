//! Properties of `portcullis-token`.

mod imported;
mod parse_key;
mod read_headers;
mod reference;
mod scan;

pub use imported::imported;
pub use parse_key::parse_key;
pub use read_headers::read_headers;
pub use scan::scan;
