//! A client that is a script: it says on its standard output what a person is to do, and is told on its
//! standard input what came of it.
//!
//! | the script's line | what is done | the line it is answered with |
//! |---|---|---|
//! | `device approve CODE`, `device deny CODE` | the code is typed, and decided | `done` |
//! | `authorize approve URL`, `authorize deny URL` | the address is opened, and decided | where the browser was sent |
//!
//! It ends with exit code 0 if all that it looks at holds; otherwise it says what doesn't.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use super::person::{Decision, Person};
use super::server::Server;

/// How long a script may take between two lines, and to end after its last.
const PATIENCE: Duration = Duration::from_secs(60);

/// Runs a script against a server until it ends. It finds the base URL in `PORTCULLIS_URL`, and in
/// `PORTCULLIS_KEY` an API key that may look up tokens.
pub(crate) fn run(mut command: Command, server: &Server) {
    let mut person = Person::at(server);
    let program = command.get_program().to_owned();
    let child = command
        .env("PORTCULLIS_URL", server.base())
        .env("PORTCULLIS_KEY", server.key(&["tokens:introspect"]))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        // Why it failed belongs to the test that fails.
        .stderr(Stdio::inherit())
        .spawn();
    let mut script =
        Script(child.unwrap_or_else(|error| panic!("{} didn't start: {error}", program.display())));
    let mut answers = script.0.stdin.take().unwrap();
    let said = BufReader::new(script.0.stdout.take().unwrap());
    let (sender, lines) = mpsc::channel();
    thread::spawn(move || said.lines().try_for_each(|line| sender.send(line)));
    loop {
        let line = match lines.recv_timeout(PATIENCE) {
            Ok(line) => line.unwrap(),
            Err(RecvTimeoutError::Disconnected) => break,
            Err(RecvTimeoutError::Timeout) => panic!("the script says nothing, and doesn't end"),
        };
        let answer = obey(&mut person, &line);
        // A script that has ended says why.
        let _may_have_ended = writeln!(answers, "{answer}");
    }
    let status = script.0.wait().unwrap();
    assert!(status.success(), "{}: {status}", program.display());
}

fn obey(person: &mut Person, line: &str) -> String {
    let mut words = line.splitn(3, ' ');
    let what = words.next();
    let decision = words.next().and_then(Decision::of);
    match (what, decision, words.next()) {
        (Some("device"), Some(decision), Some(code)) => {
            person.decide_device(code, decision);
            "done".to_owned()
        }
        (Some("authorize"), Some(decision), Some(address)) => {
            person.decide_client(address, decision)
        }
        _ => panic!("nothing that a person can do: {line}"),
    }
}

/// A running script, killed when dropped.
struct Script(Child);

impl Drop for Script {
    fn drop(&mut self) {
        let _already_gone = self.0.kill();
        let _already_waited = self.0.wait();
    }
}
