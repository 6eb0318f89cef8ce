//! What is kept as documents: each resource has its members, its checks and its actions, and
//! shares the table, the lists and the plain verbs with the others.

mod document;
mod handlers;
mod organisation;
mod rows;

pub(super) use document::{Alter, Document, New, Resource};
pub(super) use handlers::{act, array, change, create, delete, items, one, parts};
pub(super) use organisation::Organisation;
pub(super) use rows::{Listed, Rows, count_agents, forget_brand};
