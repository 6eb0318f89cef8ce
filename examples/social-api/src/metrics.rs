//! Metrics for Prometheus, on a listener of their own.

use std::{net::SocketAddr, pin::pin, time::Duration};

use axum::{Router, http::header, routing::get};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tokio::{net::TcpListener, sync::oneshot, task::JoinHandle};

use crate::{serve::accept, start::StartError};

/// The text format that Prometheus reads, version 0.0.4.
const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";
/// How often what was measured is put into its buckets, should nobody read it.
const UPKEEP: Duration = Duration::from_secs(5);
/// How long a reader may take when the server stops.
const DRAIN: Duration = Duration::from_secs(1);
/// The upper ends of buckets, in seconds: from a read of a file in memory to a store that hangs.
const SECONDS: [f64; 14] = [
    0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0,
];

/// A recorder that is installed, and the listener on which it will be read.
pub(crate) struct Metrics {
    listener: TcpListener,
    address: SocketAddr,
    handle: PrometheusHandle,
}

/// Metrics that are being served.
pub(crate) struct Serving {
    stop: oneshot::Sender<()>,
    server: JoinHandle<()>,
    upkeep: JoinHandle<()>,
}

impl Metrics {
    /// Takes the port, and installs the recorder for whatever is made from now on.
    pub(crate) async fn install(listen: SocketAddr) -> Result<Self, StartError> {
        let what = format!("metrics: listen on {listen}");
        let listener = TcpListener::bind(listen).await;
        let listener = listener.map_err(|error| StartError::new(&what, &error))?;
        let address = listener.local_addr();
        let address = address.map_err(|error| StartError::new(&what, &error))?;
        let failed = |error| StartError::new("metrics", &error);
        let builder = PrometheusBuilder::new()
            .set_buckets_for_metric(Matcher::Suffix("_seconds".into()), &SECONDS);
        let handle = builder.and_then(PrometheusBuilder::install_recorder);
        Ok(Self {
            listener,
            address,
            handle: handle.map_err(failed)?,
        })
    }

    /// The address that was bound.
    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves from now on, beside the API.
    pub(crate) fn serve(self) -> Serving {
        let (stop, stopped) = oneshot::channel();
        let (handle, router) = (self.handle.clone(), router(self.handle));
        let server = tokio::spawn(async move {
            let stopped = async {
                // Stopped also by a sender that is gone.
                let _ = stopped.await;
            };
            let connections = accept(self.listener, router, stopped).await;
            let drained = pin!(connections.shutdown());
            // A reader that is slower than this reads what is gone.
            let _ = tokio::time::timeout(DRAIN, drained).await;
        });
        let upkeep = tokio::spawn(async move {
            let mut interval = tokio::time::interval(UPKEEP);
            loop {
                interval.tick().await;
                handle.run_upkeep();
            }
        });
        Serving {
            stop,
            server,
            upkeep,
        }
    }
}

impl Serving {
    /// Answers who is reading, and ends.
    pub(crate) async fn stop(self) {
        self.upkeep.abort();
        // Both ends belong to this process: one that is gone already is as good.
        let _ = self.stop.send(());
        let _ = self.server.await;
    }
}

/// `GET /metrics`, and nothing else.
fn router(handle: PrometheusHandle) -> Router {
    let metrics = move || std::future::ready(([(header::CONTENT_TYPE, TEXT)], handle.render()));
    Router::new().route("/metrics", get(metrics))
}
