//! `oauthlib` and `requests-oauthlib`.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::script;
use super::server::Server;

/// The interpreter that has the pinned packages: `scripts/test` has made it, in the target directory.
fn interpreter() -> PathBuf {
    let interpreter = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
    let interpreter = interpreter.join("interop/venv/bin/python");
    assert!(
        interpreter.exists(),
        "no {}; run ./scripts/test interop",
        interpreter.display()
    );
    interpreter
}

#[test]
fn oauthlib_and_requests_oauthlib_are_served() {
    let server = Server::start(&[]);
    let mut command = Command::new(interpreter());
    command.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/python/client.py"));
    script::run(command, &server);
}
