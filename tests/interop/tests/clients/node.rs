//! `openid-client`, and `oauth4webapi`, which it is built on.

use std::path::Path;
use std::process::Command;

use super::script;
use super::server::Server;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/node");

/// A script of the folder, which has the pinned packages: `scripts/test` has installed them.
fn node(script: &str) -> Command {
    let folder = Path::new(FOLDER);
    let works = Command::new("node").arg("--version").output();
    assert!(
        works.is_ok_and(|ran| ran.status.success()),
        "no node; run ./scripts/test interop"
    );
    assert!(
        folder.join("node_modules/openid-client").exists(),
        "no packages in {FOLDER}; run ./scripts/test interop"
    );
    let mut command = Command::new("node");
    command.arg(folder.join(script));
    command
}

#[test]
fn openid_client_is_served() {
    let server = Server::start(&[]);
    script::run(node("client.mjs"), &server);
}

#[test]
fn a_client_that_knows_nothing_but_an_address_is_let_in() {
    let server = Server::start(&["--client-registration", "open"]);
    script::run(node("newcomer.mjs"), &server);
}
