//! Bodies of any type go through as they are.

use std::{
    convert::Infallible,
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body::{Body, Frame, SizeHint};
use http_body_util::{BodyExt, Full};
use portcullis_tower::GateLayer;
use tower::{Layer, ServiceExt, service_fn};

use crate::bed::{READ, bed, guard, request};

/// Not a body at all.
#[derive(Debug, Eq, PartialEq)]
struct Anything(Vec<u8>);

#[tokio::test]
async fn the_body_of_a_request_need_not_be_one() {
    let bed = bed().await;
    let token = bed.key([READ]).await;
    let inner = service_fn(
        async |request: Request<Anything>| -> Result<_, Infallible> {
            assert_eq!(*request.body(), Anything(vec![1, 2, 3]));
            Ok(Response::new(Full::new(Bytes::from("read"))))
        },
    );
    let service = GateLayer::new(guard(&bed, READ)).layer(inner);
    // From the store, where it waits, and from memory.
    for _ in 0..2 {
        let request = request(&token).map(|()| Anything(vec![1, 2, 3]));
        let answer = service.clone().oneshot(request).await.unwrap();
        assert_eq!(
            answer.into_body().collect().await.unwrap().to_bytes(),
            "read"
        );
    }
}

/// Two frames of data, one of trailers, then an error.
struct Frames(u8);

impl Body for Frames {
    type Data = Bytes;
    type Error = &'static str;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, &'static str>>> {
        self.0 += 1;
        Poll::Ready(Some(match self.0 {
            1 | 2 => Ok(Frame::data(Bytes::from("data"))),
            3 => Ok(Frame::trailers(HeaderMap::from_iter([(
                http::header::ETAG,
                "\"7\"".parse().unwrap(),
            )]))),
            _ => Err("broke off"),
        }))
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(8)
    }
}

#[tokio::test]
async fn frames_trailers_lengths_and_errors_of_an_answer_go_through() {
    let bed = bed().await;
    let token = bed.key([READ]).await;
    let inner = service_fn(async |_: Request<()>| -> Result<_, Infallible> {
        Ok(Response::new(Frames(0)))
    });
    let service = GateLayer::new(guard(&bed, READ)).layer(inner);
    let mut body = service.oneshot(request(&token)).await.unwrap().into_body();
    assert_eq!(body.size_hint().exact(), Some(8));
    assert!(!body.is_end_stream());
    for _ in 0..2 {
        let frame = body.frame().await.unwrap().unwrap();
        assert_eq!(frame.into_data().unwrap(), "data");
    }
    let trailers = body
        .frame()
        .await
        .unwrap()
        .unwrap()
        .into_trailers()
        .unwrap();
    assert_eq!(trailers["etag"], "\"7\"");
    assert_eq!(body.frame().await.unwrap().err(), Some("broke off"));
}

#[tokio::test]
async fn the_text_of_a_refusal_has_its_length_and_ends() {
    let bed = bed().await;
    let inner = service_fn(async |_: Request<()>| -> Result<_, Infallible> {
        Ok(Response::new(Full::new(Bytes::new())))
    });
    let service = GateLayer::new(guard(&bed, READ)).layer(inner);
    let mut body = service.oneshot(Request::new(())).await.unwrap().into_body();
    let length = body.size_hint().exact().unwrap();
    assert!(!body.is_end_stream());
    let text = body.frame().await.unwrap().unwrap().into_data().unwrap();
    assert_eq!(u64::try_from(text.len()).unwrap(), length);
    assert!(body.is_end_stream());
    assert_eq!(body.size_hint().exact(), Some(0));
    assert!(body.frame().await.is_none());
}
