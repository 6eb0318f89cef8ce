//! Requests written by hand to a socket, for what no well-behaved client sends.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};

use super::client::Answer;

const PATIENCE: Duration = Duration::from_secs(60);

/// Sends one request of these lines (the request line first) and this body as it is.
pub(crate) fn exchange(address: SocketAddr, lines: &[&str], body: &[u8]) -> Answer {
    let mut socket = connect(address);
    socket.write_all(head(address, lines).as_bytes()).unwrap();
    socket.write_all(body).unwrap();
    answer(&read_to_end(&mut socket, Vec::new()))
}

/// Sends the head, and the body only if the server asks for it with `100 Continue`. So a server
/// that answers before reading never has unread bytes that would reset the connection.
pub(crate) fn exchange_when_asked(address: SocketAddr, lines: &[&str], body: &[u8]) -> Exchange {
    let mut socket = connect(address);
    let mut lines = lines.to_vec();
    lines.push("expect: 100-continue");
    socket.write_all(head(address, &lines).as_bytes()).unwrap();
    let mut received = Vec::new();
    while !received.windows(4).any(|end| end == b"\r\n\r\n") {
        let mut byte = [0];
        let length = socket.read(&mut byte).unwrap();
        assert_eq!(length, 1, "closed without an answer");
        received.extend_from_slice(&byte);
    }
    if !received.starts_with(b"HTTP/1.1 100") {
        return Exchange {
            answer: answer(&read_to_end(&mut socket, received)),
            asked: false,
        };
    }
    socket.write_all(body).unwrap();
    Exchange {
        answer: answer(&read_to_end(&mut socket, Vec::new())),
        asked: true,
    }
}

/// An answer, and whether the server asked for the body first.
pub(crate) struct Exchange {
    pub(crate) answer: Answer,
    pub(crate) asked: bool,
}

fn connect(address: SocketAddr) -> TcpStream {
    let socket = TcpStream::connect(address).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket.set_write_timeout(Some(PATIENCE)).unwrap();
    socket
}

fn head(address: SocketAddr, lines: &[&str]) -> String {
    format!(
        "{}\r\nhost: {address}\r\nconnection: close\r\n\r\n",
        lines.join("\r\n")
    )
}

fn read_to_end(socket: &mut TcpStream, mut received: Vec<u8>) -> Vec<u8> {
    let mut buffer = [0; 4096];
    while let Ok(length) = socket.read(&mut buffer) {
        if length == 0 {
            break;
        }
        received.extend_from_slice(&buffer[..length]);
    }
    received
}

fn answer(received: &[u8]) -> Answer {
    let end = received
        .windows(4)
        .position(|end| end == b"\r\n\r\n")
        .expect("no answer");
    let head = std::str::from_utf8(&received[..end]).unwrap();
    let mut lines = head.split("\r\n");
    let status = lines
        .next()
        .unwrap()
        .split(' ')
        .nth(1)
        .unwrap()
        .parse()
        .unwrap();
    let mut headers = HeaderMap::new();
    for line in lines {
        let (name, value) = line.split_once(':').unwrap();
        let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
        headers.append(name, HeaderValue::from_str(value.trim()).unwrap());
    }
    assert!(
        !headers.contains_key("transfer-encoding"),
        "a body of unknown length: {head}"
    );
    Answer {
        status,
        headers,
        body: received[end + 4..].to_vec(),
    }
}
