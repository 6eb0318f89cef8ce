//! Properties of `portcullis-scope`.

mod drawing;
mod grammar;
mod list;
mod oracle;
mod requirement_vs_oracle;
mod scope_list;
mod scope_parse;
mod table;

pub use requirement_vs_oracle::requirement_vs_oracle;
pub use scope_list::scope_list;
pub use scope_parse::scope_parse;
