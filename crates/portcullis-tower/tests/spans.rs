//! The span that a service works in. Apart from other tests: whether a span is wanted is remembered
//! by the whole process.
#![cfg(test)]

#[expect(
    dead_code,
    reason = "each file of tests uses a part of what they share"
)]
#[path = "layer/bed.rs"]
mod bed;

use std::{
    convert::Infallible,
    io,
    panic::AssertUnwindSafe,
    pin::pin,
    sync::{Arc, Mutex, Once},
    task::{Context, Poll, Waker},
};

use http::{Request, Response};
use portcullis_tower::GateLayer;
use tower::{Layer, Service, ServiceExt};
use tracing_subscriber::fmt::format::FmtSpan;

use bed::{READ, bed, guard, request, warm};

/// What was logged on this thread, from the level `info` on.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.note(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Log {
    fn note(&self, bytes: &[u8]) {
        self.0.lock().unwrap().extend_from_slice(bytes);
    }

    fn begin(&self) -> tracing::subscriber::DefaultGuard {
        // Somebody who wants everything is always there, so that nothing is ever switched off for all
        // while a test has not yet begun.
        static EVERYTHING: Once = Once::new();
        EVERYTHING.call_once(|| {
            let sink = tracing_subscriber::fmt().with_writer(io::sink).finish();
            tracing::subscriber::set_global_default(sink).unwrap();
        });
        let log = self.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_span_events(FmtSpan::ENTER | FmtSpan::EXIT)
            .with_ansi(false)
            .without_time()
            .with_writer(move || log.clone())
            .finish();
        tracing::subscriber::set_default(subscriber)
    }

    fn lines(&self, with: &str) -> Vec<String> {
        let text = String::from_utf8(self.0.lock().unwrap().clone()).unwrap();
        let lines = text.lines().filter(|line| line.contains(with));
        lines.map(str::to_owned).collect()
    }
}

/// Logs at each of its steps, and fails.
async fn logging(_: Request<()>) -> Result<Response<&'static str>, Infallible> {
    tracing::error!("step one");
    tokio::task::yield_now().await;
    tracing::error!("step two");
    Ok(Response::builder().status(500).body("").unwrap())
}

#[tokio::test]
async fn what_a_handler_logs_has_the_id_that_the_client_has() {
    let log = Log::default();
    let _logging = log.begin();
    let bed = bed().await;
    let key = bed.key([READ]).await;
    let service = GateLayer::new(guard(&bed, READ)).layer(tower::service_fn(|request| {
        tracing::error!("step zero");
        logging(request)
    }));
    // Once with the credential to be read first, and once from memory.
    for _ in 0..2 {
        log.0.lock().unwrap().clear();
        let response = service.clone().oneshot(request(&key)).await.unwrap();
        tracing::error!("afterwards");
        let id = response.headers()["x-request-id"].to_str().unwrap();
        let token = bed.registry().format().recognize(key.as_bytes()).unwrap();
        let span = format!(
            "request{{request_id={id} credential=key_{} owner=\"acme\"}}",
            token.id()
        );
        let steps = log.lines("step ");
        assert_eq!(steps.len(), 3, "{steps:?}");
        assert!(steps.iter().all(|step| step.contains(&span)), "{steps:?}");
        let afterwards = log.lines("afterwards");
        assert!(!afterwards[0].contains("request_id"), "{afterwards:?}");
    }
}

#[tokio::test]
async fn the_span_is_entered_while_the_service_is_polled_alone() {
    let log = Log::default();
    let _logging = log.begin();
    let bed = bed().await;
    let key = bed.key([READ]).await;
    warm(&bed, &key).await;
    let mut service = GateLayer::new(guard(&bed, READ)).layer(tower::service_fn(logging));
    let mut call = pin!(service.call(request(&key)));
    let mut cx = Context::from_waker(Waker::noop());
    assert!(call.as_mut().poll(&mut cx).is_pending());
    assert!(tracing::Span::current().is_none());
    tracing::error!("in between");
    assert!(matches!(call.as_mut().poll(&mut cx), Poll::Ready(Ok(_))));
    assert!(!log.lines("in between")[0].contains("request_id"));
}

#[tokio::test]
async fn a_service_that_panics_leaves_its_span() {
    let log = Log::default();
    let _logging = log.begin();
    let bed = bed().await;
    let key = bed.key([READ]).await;
    warm(&bed, &key).await;
    let mut cx = Context::from_waker(Waker::noop());

    // In its future, and before there is one.
    let layer = GateLayer::new(guard(&bed, READ));
    let late = tower::service_fn(|_: Request<()>| async {
        tracing::error!("about to panic");
        if tracing::Span::current().is_none() {
            return Ok::<_, Infallible>(Response::new(""));
        }
        panic!("a panic in a future")
    });
    let mut service = layer.layer(late);
    let mut call = Box::pin(service.call(request(&key)));
    let poll = std::panic::catch_unwind(AssertUnwindSafe(|| call.as_mut().poll(&mut cx)));
    assert!(poll.is_err());
    drop(call);
    assert!(tracing::Span::current().is_none());

    let early = tower::service_fn(
        |_: Request<()>| -> std::future::Ready<Result<Response<&str>, Infallible>> {
            panic!("a panic in a call")
        },
    );
    let mut service = layer.layer(early);
    let call = std::panic::catch_unwind(AssertUnwindSafe(|| drop(service.call(request(&key)))));
    assert!(call.is_err());
    assert!(tracing::Span::current().is_none());
    assert_eq!(log.lines("about to panic").len(), 1);
}
