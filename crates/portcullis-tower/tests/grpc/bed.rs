//! A server of tonic behind a gate, on a free port.

use std::net::{Ipv4Addr, SocketAddr};

use portcullis_gate::{Access, Gate};
use portcullis_scope::{Catalogue, Scope};
use portcullis_testkit::TestBed;
use portcullis_tower::GateLayer;
use tokio::net::TcpListener;
use tonic::{
    Request, Status,
    transport::{Channel, Server, server::TcpIncoming},
};
use tonic_health::{
    pb::{HealthCheckRequest, health_client::HealthClient},
    server::{HealthReporter, health_reporter},
};

pub(crate) const READ: Scope = Scope::from_static("health:read");
pub(crate) const WRITE: Scope = Scope::from_static("health:write");

pub(crate) async fn bed() -> TestBed {
    let catalogue = Catalogue::builder()
        .scope("health:read", "Ask how it is")
        .scope("health:write", "Say how it is")
        .build()
        .unwrap();
    TestBed::new(catalogue).await
}

pub(crate) async fn listener() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

pub(crate) struct Running {
    pub(crate) client: HealthClient<Channel>,
    pub(crate) reporter: HealthReporter,
}

/// tonic's server with the layer as its users put it there, and tonic's client.
pub(crate) async fn start(gate: &Gate, access: impl Into<Access>) -> Running {
    let guard = gate.guard(access).unwrap();
    let (reporter, service) = health_reporter();
    let (listener, address) = listener().await;
    let server = Server::builder()
        .layer(GateLayer::new(guard))
        .add_service(service)
        .serve_with_incoming(TcpIncoming::from(listener));
    tokio::spawn(server);
    let endpoint = Channel::from_shared(format!("http://{address}")).unwrap();
    let client = HealthClient::new(endpoint.connect().await.unwrap());
    Running { client, reporter }
}

/// The key in the metadata, or none.
pub(crate) fn asking(token: Option<&str>) -> Request<HealthCheckRequest> {
    let mut request = Request::new(HealthCheckRequest::default());
    if let Some(token) = token {
        let value = format!("Bearer {token}").parse().unwrap();
        request.metadata_mut().insert("authorization", value);
    }
    request
}

pub(crate) async fn check(running: &mut Running, token: Option<&str>) -> Result<i32, Status> {
    let answer = running.client.check(asking(token)).await?;
    Ok(answer.into_inner().status)
}
