//! A server that answers from a script, and notes what it was asked, and when.

use std::{
    collections::VecDeque,
    future::{Ready, ready},
    sync::{Arc, Mutex},
    task::{Context, Poll},
    time::Duration,
};

use http::{Request, Response};
use portcullis_tower::RetryPolicy;
use tokio::time::Instant;
use tower::{Layer, Service, ServiceExt, retry::RetryLayer};

/// A status with headers; 0 is an error.
#[derive(Clone, Debug)]
pub(crate) struct Line(pub(crate) u16, pub(crate) Vec<(&'static str, String)>);

impl From<u16> for Line {
    fn from(status: u16) -> Self {
        Self(status, Vec::new())
    }
}

/// A status with `Retry-After`.
pub(crate) fn after(status: u16, text: &(impl ToString + ?Sized)) -> Line {
    Line(status, vec![("retry-after", text.to_string())])
}

type Asked = Vec<(Instant, Request<String>)>;

#[derive(Clone, Debug)]
pub(crate) struct Script {
    lines: Arc<Mutex<VecDeque<Line>>>,
    pub(crate) asked: Arc<Mutex<Asked>>,
}

/// Answers 200 when it is through.
pub(crate) fn script(lines: impl IntoIterator<Item = impl Into<Line>>) -> Script {
    let lines = lines.into_iter().map(Into::into).collect();
    Script {
        lines: Arc::new(Mutex::new(lines)),
        asked: Arc::default(),
    }
}

impl Script {
    /// How long each request came after the one before it.
    pub(crate) fn gaps(&self) -> Vec<Duration> {
        let asked = self.asked.lock().unwrap();
        asked.windows(2).map(|two| two[1].0 - two[0].0).collect()
    }

    pub(crate) fn calls(&self) -> usize {
        self.asked.lock().unwrap().len()
    }
}

impl Service<Request<String>> for Script {
    type Response = Response<()>;
    type Error = &'static str;
    type Future = Ready<Result<Response<()>, &'static str>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), &'static str>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<String>) -> Self::Future {
        self.asked.lock().unwrap().push((Instant::now(), request));
        let Line(status, headers) = self.lines.lock().unwrap().pop_front().unwrap_or(200.into());
        if status == 0 {
            return ready(Err("connection refused"));
        }
        let answer = headers.iter().fold(
            Response::builder().status(status),
            |answer, (name, value)| answer.header(*name, value),
        );
        ready(Ok(answer.body(()).unwrap()))
    }
}

pub(crate) fn request(method: &str) -> Request<String> {
    let request = Request::builder().method(method).uri("/notes");
    request.body(String::from("a note")).unwrap()
}

/// The status in the end; 0 is an error.
pub(crate) async fn send(policy: RetryPolicy, script: &Script, request: Request<String>) -> u16 {
    let client = RetryLayer::new(policy).layer(script.clone());
    let answer = client.oneshot(request).await;
    answer.map_or(0, |answer| answer.status().as_u16())
}
