//! What the black-box tests share: the server as a child process, a client, a browser, raw
//! sockets, and tokens taken apart by hand. Nothing here knows the server's code.

pub(crate) mod browser;
pub(crate) mod client;
pub(crate) mod made;
pub(crate) mod pages;
pub(crate) mod person;
pub(crate) mod raw;
pub(crate) mod server;
pub(crate) mod shape;
pub(crate) mod token;
pub(crate) mod world;
