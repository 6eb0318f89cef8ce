//! The example between a client and a service that shows what it was sent.

#![cfg(test)]

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    process::{Child, Command, Stdio},
    sync::mpsc::{Receiver, channel},
    thread,
    time::Duration,
};

/// A service behind the gateway: answers 200 and tells the heads of the requests that it got.
fn upstream() -> (SocketAddr, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (heads, received) = channel();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut head = String::new();
            let mut lines = BufReader::new(stream.try_clone().unwrap());
            while !head.ends_with("\r\n\r\n") && lines.read_line(&mut head).unwrap() > 0 {}
            let answer = "HTTP/1.1 200 OK\r\ncontent-length: 5\r\nconnection: close\r\n\r\nhello";
            stream.write_all(answer.as_bytes()).unwrap();
            if heads.send(head.to_ascii_lowercase()).is_err() {
                return;
            }
        }
    });
    (address, received)
}

/// The running example; it ends with the test.
struct Gateway {
    child: Child,
    address: String,
    key: String,
}

impl Gateway {
    fn start(upstream: SocketAddr) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_gateway"))
            .args([&format!("http://{upstream}"), "127.0.0.1:0"])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut printed = |start| {
            let line = lines.next().unwrap().unwrap();
            let rest = line.strip_prefix(start).map(str::to_owned);
            rest.unwrap_or_else(|| panic!("it printed: {line}"))
        };
        let address = printed("listening on http://");
        let key = printed("key: ");
        Self {
            child,
            address,
            key,
        }
    }

    fn send(&self, request: &str) -> String {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer.to_ascii_lowercase()
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn the_service_behind_it_learns_who_calls_and_not_with_what() {
    let (address, received) = upstream();
    let gateway = Gateway::start(address);
    let answer = gateway.send(&format!(
        "GET /posts?limit=2 HTTP/1.1\r\nhost: api.example\r\nconnection: close\r\n\
         authorization: Bearer {}\r\nx-portcullis-owner: forged\r\naccept: text/html\r\n\r\n",
        gateway.key
    ));
    assert!(
        answer.starts_with("http/1.1 200") && answer.ends_with("hello"),
        "{answer}"
    );
    assert!(
        answer.contains("\r\nx-ratelimit-limit: 100\r\n"),
        "{answer}"
    );
    assert!(
        answer.contains("\r\nx-ratelimit-remaining: 99\r\n"),
        "{answer}"
    );

    let head = received.recv_timeout(Duration::from_secs(30)).unwrap();
    assert!(
        head.starts_with("get /posts?limit=2 http/1.1\r\n"),
        "{head}"
    );
    assert!(head.contains("\r\naccept: text/html\r\n"), "{head}");
    assert!(head.contains("\r\nx-portcullis-owner: demo\r\n"), "{head}");
    assert!(
        head.contains("\r\nx-portcullis-scopes: api:call\r\n"),
        "{head}"
    );
    assert!(head.contains("\r\nx-portcullis-credential: key_"), "{head}");
    assert!(
        !head.contains("x-portcullis-user") && !head.contains("forged"),
        "{head}"
    );
    let key = gateway.key.to_ascii_lowercase();
    assert!(
        !head.contains("authorization") && !head.contains(&key),
        "{head}"
    );
}

#[test]
fn a_refused_request_never_reaches_the_service_behind_it() {
    let (address, received) = upstream();
    let gateway = Gateway::start(address);
    let end = "host: api.example\r\nconnection: close\r\n\r\n";
    for (line, header, status, code) in [
        ("GET / HTTP/1.1", "", "401", "unauthorized"),
        (
            "GET / HTTP/1.1",
            "authorization: Bearer guess\r\n",
            "401",
            "invalid_token",
        ),
        ("GET /?api_key=x HTTP/1.1", "", "400", "invalid_request"),
    ] {
        let answer = gateway.send(&format!("{line}\r\n{header}{end}"));
        assert!(
            answer.starts_with(&format!("http/1.1 {status}")),
            "{answer}"
        );
        assert!(answer.contains(&format!("\"code\":\"{code}\"")), "{answer}");
    }
    assert!(received.try_recv().is_err());
}

#[test]
fn a_service_that_is_not_there_is_a_502() {
    let nobody = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let gateway = Gateway::start(nobody);
    let key = &gateway.key;
    let answer = gateway.send(&format!(
        "GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\nx-api-key: {key}\r\n\r\n"
    ));
    assert!(answer.starts_with("http/1.1 502"), "{answer}");
    assert!(
        answer.contains("\r\nx-ratelimit-remaining: 99\r\n"),
        "{answer}"
    );
}
