//! Serving, with an end to heads that do not come and to bodies that stand still, and stopping.

use std::{convert::Infallible, future::Future, net::SocketAddr, pin::pin, time::Duration};

use axum::{Router, body::Body, extract::ConnectInfo, response::Response};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
};
use tokio::net::TcpListener;
use tower::ServiceExt;
use tower_http::timeout::TimeoutBody;

/// How long a client may take to send the head of a request, on a new or a kept connection.
const HEAD: Duration = Duration::from_secs(30);
/// How long a body may stand still.
const BODY: Duration = Duration::from_secs(30);
/// How long requests that are under way may take when the server stops.
const DRAIN: Duration = Duration::from_secs(10);
/// How long to wait before the next connection is taken when the machine has no room for one.
const NO_ROOM: Duration = Duration::from_millis(200);

/// SIGTERM and ctrl-c, caught from the moment that this is made.
pub(crate) struct Signals {
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
}

impl Signals {
    #[cfg(unix)]
    pub(crate) fn new() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    #[cfg(unix)]
    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }

    #[cfg(not(unix))]
    pub(crate) fn new() -> std::io::Result<Self> {
        Ok(Self {})
    }

    #[cfg(not(unix))]
    async fn next(&mut self) {
        // Without a way to catch it the process just ends.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

/// Serves until a signal, then lets requests that are under way finish; a second signal ends them.
pub(crate) async fn serve(listener: TcpListener, app: Router, mut signals: Signals) {
    let connections = accept(listener, app, signals.next()).await;
    let mut drained = pin!(connections.shutdown());
    tokio::select! {
        () = &mut drained => {}
        () = tokio::time::sleep(DRAIN) => {
            tracing::warn!("requests were still under way after {DRAIN:?}");
        }
        () = signals.next() => {}
    }
}

/// Takes connections until `stop`, and serves them beyond that until they are shut down.
pub(crate) async fn accept(
    listener: TcpListener,
    app: Router,
    stop: impl Future<Output = ()>,
) -> GracefulShutdown {
    let mut stop = pin!(stop);
    // HTTP/1 alone: telling it from HTTP/2 first would wait without end for a client that is silent.
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(HEAD);
    let connections = GracefulShutdown::new();
    loop {
        let (stream, peer) = tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok(connection) => connection,
                Err(error) => {
                    tracing::warn!(error = %error, "a connection was not taken");
                    tokio::time::sleep(NO_ROOM).await;
                    continue;
                }
            },
            () = &mut stop => return connections,
        };
        let app = app.clone();
        let service = service_fn(move |request| answer(app.clone(), request, peer));
        let connection = http.serve_connection(TokioIo::new(stream), service);
        let connection = connections.watch(connection);
        tokio::spawn(async move {
            // A connection that breaks off is its client's affair.
            let _ = connection.await;
        });
    }
}

async fn answer(
    app: Router,
    request: hyper::Request<Incoming>,
    peer: SocketAddr,
) -> Result<Response, Infallible> {
    // A body that stops coming breaks off: the handler answers, and what the gate holds is released.
    let mut request = request.map(|body| Body::new(TimeoutBody::new(BODY, body)));
    request.extensions_mut().insert(ConnectInfo(peer));
    app.oneshot(request).await
}
