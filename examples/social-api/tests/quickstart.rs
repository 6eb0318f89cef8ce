//! The commands that the first start prints are run literally against a fresh server.
#![cfg(test)]

use std::fs::{self, File};
use std::process::{Command, Stdio};

#[expect(
    dead_code,
    reason = "each file of tests uses a part of what they share"
)]
mod common;

use common::server::{PASSWORD, Place};

const BEGIN: &str = "# --- quickstart ---";
const END: &str = "# --- end ---";

/// Log in, make a key, make a post, publish it, be refused for brands, revoke, be refused.
const STATUSES: [u16; 7] = [200, 201, 201, 200, 403, 200, 401];

/// The lines between the two marks, as they are.
fn script(stdout: &str) -> String {
    let lines = stdout.lines().skip_while(|line| *line != BEGIN).skip(1);
    lines
        .take_while(|line| *line != END)
        .flat_map(|line| [line, "\n"])
        .collect()
}

/// How a script is run.
#[derive(Clone, Copy, Debug)]
enum Way {
    /// From a file, and the first failure or unset variable ends it.
    Strict,
    /// Line by line, as when it is pasted at the prompt.
    Pasted,
}

/// Runs a script as the user at the terminal would, and returns what it printed.
fn run(place: &Place, script: &str, way: Way) -> String {
    let file = place.path("quickstart.sh");
    fs::write(&file, script).unwrap();
    let mut bash = Command::new("bash");
    match way {
        Way::Strict => bash.arg("-eu").arg(&file).stdin(Stdio::null()),
        Way::Pasted => bash
            .args(["--norc", "--noprofile", "--noediting", "-i"])
            .stdin(File::open(&file).unwrap()),
    };
    let output = bash
        .current_dir(place.path(""))
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("HOME", place.path(""))
        .envs(place.env())
        .output()
        .unwrap();
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "{}\n{stdout}\n{stderr}",
        output.status
    );
    stdout
}

/// The statuses of the answers in the order of the commands: status lines if the script shows
/// headers, else the numbers that end a line as `curl --write-out '%{http_code}'` prints them.
fn statuses(output: &str) -> Vec<u16> {
    let of_status_line = |line: &str| -> Option<u16> {
        line.strip_prefix("HTTP/")?
            .split_whitespace()
            .nth(1)?
            .parse()
            .ok()
    };
    let all_headers: Vec<_> = output.lines().filter_map(of_status_line).collect();
    if all_headers.len() >= STATUSES.len() {
        return all_headers
            .into_iter()
            .filter(|status| *status >= 200)
            .collect();
    }
    let written_out = |line: &str| -> Option<u16> {
        let line = line.trim_end();
        let lower = line.to_ascii_lowercase();
        let is_header = ["x-ratelimit", "content-length", "retry-after", "http/"]
            .iter()
            .any(|name| lower.starts_with(name));
        let (before, number) = line.split_at_checked(line.len().checked_sub(3)?)?;
        let apart = !before.ends_with(|last: char| last.is_ascii_alphanumeric());
        let status: u16 = number.parse().ok()?;
        (apart && !is_header && (100..600).contains(&status)).then_some(status)
    };
    output.lines().filter_map(written_out).collect()
}

/// Runs the quickstart of a first start; returns the script.
fn quickstart_works(place: &Place) -> String {
    let server = place.start();
    let stdout = server.stdout_when(|text| text.lines().any(|line| line == END));
    let script = script(&stdout);
    assert!(script.contains("curl "), "no curl command: {stdout}");
    let address = format!("http://{}", server.address());
    assert!(script.contains(&address), "not for {address}: {script}");
    for way in [Way::Strict, Way::Pasted] {
        let output = run(place, &script, way);
        assert_eq!(statuses(&output), STATUSES, "{way:?} {output}");
        let lower = output.to_ascii_lowercase();
        assert!(lower.contains("x-ratelimit-remaining"), "{way:?} {output}");
    }

    let restarted = {
        let ended = server.terminate();
        assert_eq!(ended.status.code(), Some(0), "{ended:?}");
        place.start()
    };
    let ended = restarted.terminate();
    assert!(
        !ended.stdout.contains(BEGIN),
        "printed again: {}",
        ended.stdout
    );
    script
}

#[test]
fn the_printed_commands_work_with_the_password_that_the_server_made() {
    let mut place = Place::new();
    place.clear_env("PORTCULLIS_ADMIN_PASSWORD");
    quickstart_works(&place);
}

#[test]
fn the_printed_commands_work_with_a_given_password_and_do_not_show_it() {
    let place = Place::new();
    let script = quickstart_works(&place);
    assert!(
        !script.contains(PASSWORD),
        "the password is printed: {script}"
    );
}

/// An address that a shell would make much of, and a password that JSON would, too.
const ODD_EMAIL: &str = "o'b`touch${IFS}made`$HOME!!&{}@example.com";
const ODD_PASSWORD: &str = r#" a"b\c'd`touch made`$(touch made)$HOME!! %s&é "#;

#[test]
fn the_printed_commands_expand_nothing_of_what_was_given() {
    let place = Place::new()
        .with_args(&["--admin-email", ODD_EMAIL])
        .with_env("PORTCULLIS_ADMIN_PASSWORD", ODD_PASSWORD);
    let script = quickstart_works(&place);
    assert!(!script.contains(ODD_PASSWORD), "{script}");
    assert!(!place.path("made").exists(), "{script}");

    let mut place = Place::new().with_args(&["--admin-email", ODD_EMAIL]);
    place.clear_env("PORTCULLIS_ADMIN_PASSWORD");
    quickstart_works(&place);
    let file = place.path("password");
    assert!(!place.path("made").exists());

    for line_end in ["", "\n", "\r\n"] {
        let name = file.to_str().unwrap();
        let mut place = Place::new().with_env("PORTCULLIS_ADMIN_PASSWORD_FILE", name);
        place.clear_env("PORTCULLIS_ADMIN_PASSWORD");
        fs::write(&file, format!("{ODD_PASSWORD}{line_end}")).unwrap();
        quickstart_works(&place);
        assert!(!place.path("made").exists());
    }
}

#[test]
fn the_password_is_not_among_the_arguments_of_a_command() {
    let place = Place::new();
    let server = place.start();
    let script = script(&server.stdout_when(|text| text.lines().any(|line| line == END)));
    // Every program of the script says what it was started with before it does its work.
    let spied = ["curl", "sed"].map(|name| {
        format!("{name}() {{ printf 'ARGUMENT %s\\n' \"$@\" >&2; command {name} \"$@\"; }}\n")
    });
    let output = run(
        &place,
        &format!("exec 2>&1\n{}{script}", spied.concat()),
        Way::Strict,
    );
    let arguments = output.lines().filter(|line| line.contains("ARGUMENT "));
    let arguments: Vec<_> = arguments.collect();
    assert!(arguments.len() > 20, "{output}");
    for argument in arguments {
        assert!(!argument.contains(PASSWORD), "{argument}");
    }
}

#[test]
fn statuses_are_read_from_headers_and_from_what_curl_writes_out() {
    let headers =
        STATUSES.map(|status| format!("HTTP/1.1 {status} X\r\ncontent-length: 404\r\n\r\n{{}}\n"));
    assert_eq!(statuses(&headers.concat()), STATUSES);
    let written =
        STATUSES.map(|status| format!("x-ratelimit-limit: 600\n{{\"a\":1}}\nHTTP {status}\n"));
    assert_eq!(statuses(&written.concat()), STATUSES);
    let bare = STATUSES.map(|status| format!("{{\"success\":true}}{status}\n"));
    assert_eq!(statuses(&bare.concat()), STATUSES);
}
