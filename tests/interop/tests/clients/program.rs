//! The program under test, built.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use serde_json::Value;

/// Where `social-api` is, built from what stands here now.
///
/// Only tests in its own package are told where it is, so cargo is asked to build it. The choice of
/// packages and features is that of `scripts/test`: what that has built is taken as it is, and
/// nothing is built twice.
pub(crate) fn social_api() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(build)
}

fn build() -> PathBuf {
    let mut cargo = Command::new(env!("CARGO"));
    // A test is named so that the features of what only tests need are chosen as well.
    cargo.args(["build", "--locked", "--workspace", "--all-features"]);
    cargo.args(["--bin", "social-api", "--test", "clients"]);
    cargo.args(["--message-format", "json-render-diagnostics"]);
    // Variables that cargo sets for a test are not for another cargo.
    for (name, _) in env::vars_os() {
        let name = name.to_string_lossy().into_owned();
        if name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_") {
            cargo.env_remove(name);
        }
    }
    let ran = cargo
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .stderr(Stdio::piped())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&ran.stderr);
    assert!(
        ran.status.success(),
        "social-api could not be built:\n{said}"
    );
    let messages = String::from_utf8(ran.stdout).unwrap();
    let messages = messages.lines().map(serde_json::from_str::<Value>);
    let mut built = messages.map(Result::unwrap).filter(|message| {
        message["reason"] == "compiler-artifact"
            && message["target"]["name"] == "social-api"
            && message["target"]["kind"][0] == "bin"
            && message["profile"]["test"] == false
    });
    let built = built.next().expect("cargo named no program");
    built["executable"].as_str().unwrap().into()
}
