//! The example, started as its readers start it.

#![cfg(test)]

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    process::{Child, Command, Stdio},
};

/// The running example; it ends with the test.
struct Running {
    child: Child,
    address: String,
}

impl Running {
    fn start() -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_quickstart"))
            .arg("127.0.0.1:0")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let stdout = child.stdout.take().unwrap();
        BufReader::new(stdout).read_line(&mut line).unwrap();
        let address = line.trim_end().strip_prefix("listening on http://");
        let address = address
            .unwrap_or_else(|| panic!("it printed: {line}"))
            .to_owned();
        Self { child, address }
    }

    /// The head and the body of the answer.
    fn send(&self, line: &str, headers: &str, body: &str) -> (String, String) {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        let length = body.len();
        write!(
            stream,
            "{line} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\
             content-length: {length}\r\n{headers}\r\n{body}"
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head.to_ascii_lowercase(), body.to_owned())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn member<'b>(body: &'b str, name: &str) -> &'b str {
    let (_, rest) = body.split_once(&format!("\"{name}\":\"")).unwrap();
    rest.split('"').next().unwrap()
}

const JSON: &str = "content-type: application/json\r\n";

#[test]
fn ada_makes_a_key_that_reads_notes_and_may_not_write_them() {
    let running = Running::start();
    let (head, body) = running.send("GET /health", "", "");
    assert!(head.starts_with("http/1.1 200") && body == "ok", "{head}");

    let (head, body) = running.send("GET /notes", "", "");
    assert!(head.starts_with("http/1.1 401"), "{head}");
    assert!(
        head.contains("\r\nwww-authenticate: bearer realm=\"api\""),
        "{head}"
    );
    assert_eq!(member(&body, "code"), "unauthorized");

    let new = r#"{"name":"laptop","scopes":["notes:read"]}"#;
    let (head, body) = running.send("POST /keys", JSON, new);
    assert!(head.starts_with("http/1.1 201"), "{head}");
    let key = member(&body, "key");
    assert!(key.starts_with("nt_live_"), "{key}");

    let bearer = format!("authorization: Bearer {key}\r\n");
    let (head, body) = running.send("GET /notes", &bearer, "");
    assert!(head.starts_with("http/1.1 200"), "{head}");
    assert_eq!(body, "notes of acme");
    assert!(head.contains("\r\nx-ratelimit-limit: 60\r\n"), "{head}");
    assert!(head.contains("\r\nx-ratelimit-remaining: 59\r\n"), "{head}");
    assert!(head.contains("\r\nx-ratelimit-reset: "), "{head}");

    let (head, body) = running.send("POST /notes", &bearer, "");
    assert!(head.starts_with("http/1.1 403"), "{head}");
    assert_eq!(member(&body, "code"), "insufficient_scope");
    assert!(head.contains("scope=\"notes:write\""), "{head}");

    let (_, body) = running.send("GET /keys", "", "");
    assert_eq!(
        (member(&body, "name"), member(&body, "id")),
        ("laptop", &*id_of(key))
    );
    let revoke = format!("DELETE /keys/{}", id_of(key));
    assert!(running.send(&revoke, "", "").0.starts_with("http/1.1 200"));
    let (head, body) = running.send("GET /notes", &bearer, "");
    assert!(head.starts_with("http/1.1 401"), "{head}");
    assert_eq!(member(&body, "code"), "invalid_token");
}

/// A token shows its id behind the prefix.
fn id_of(key: &str) -> String {
    let characters = key.chars().skip("nt_live_".len());
    format!("key_{}", characters.take(16).collect::<String>())
}
