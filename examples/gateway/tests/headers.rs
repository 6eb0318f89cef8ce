//! The golden cases of the testkit, through the gateway.

#![cfg(test)]

use http::Uri;
use portcullis_testkit::{Chain, HeaderCase, HeaderWorld, Over};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

/// A service behind the gateway, which answers 200 to whatever comes.
async fn upstream() -> Uri {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            tokio::spawn(async move {
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") && stream.read_buf(&mut head).await.unwrap() > 0
                {
                }
                let answer = "HTTP/1.1 200 OK\r\ncontent-length: 5\r\nconnection: close\r\n\r\n";
                stream.write_all(answer.as_bytes()).await.unwrap();
                if !head.starts_with(b"HEAD ") {
                    stream.write_all(b"notes").await.unwrap();
                }
            });
        }
    });
    format!("http://{address}").parse().unwrap()
}

async fn sent(gateway: std::net::SocketAddr, case: &HeaderCase) -> Option<String> {
    let mut stream = TcpStream::connect(gateway).await.unwrap();
    stream.write_all(&case.to_http1()).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    case.http1_disagreement(&answer)
}

#[tokio::test]
async fn each_case_is_answered_as_it_must_be() {
    let world = HeaderWorld::new().await;
    let upstream = upstream().await;
    for chain in [Chain::Own, Chain::WithJwt] {
        let guard = world.gate(chain).guard(HeaderWorld::SCOPE).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let gateway = tokio::spawn(gateway::serve(listener, guard, upstream.clone()));
        let cases = world.cases(Over::Http1, chain);
        assert!(cases.len() > 400, "{}", cases.len());
        let mut disagreements = Vec::new();
        for case in &cases {
            disagreements.extend(sent(address, case).await);
        }
        gateway.abort();
        assert!(disagreements.is_empty(), "{}", disagreements.join("\n"));
    }
}
