//! Paths and methods that nobody mounted.

use portcullis_axum::{method_not_allowed_fallback, not_found_fallback};

use crate::{
    app::{READ, bed, guarded, serve, served},
    client::Call,
};

#[tokio::test]
async fn what_is_not_mounted_needs_no_credential_and_costs_nothing() {
    let (bed, server) = served().await;
    let key = bed.key([READ]).await;
    for call in [Call::get("/nothing"), Call::get("/nothing").bearer(&key)] {
        assert_eq!(call.send(server).await.status, 404);
    }
    let answer = Call::new("PUT", "/notes").bearer(&key).send(server).await;
    assert_eq!(answer.status, 405);
    let allowed = answer.header("allow").unwrap();
    assert!(
        ["GET", "HEAD", "POST"]
            .iter()
            .all(|method| allowed.contains(method)),
        "{allowed}"
    );
    let answer = Call::get("/notes").bearer(&key).send(server).await;
    assert_eq!(answer.header("x-ratelimit-remaining"), Some("99"));
}

#[tokio::test]
async fn the_fallbacks_answer_in_the_envelope() {
    let bed = bed().await;
    let app = guarded(&bed).into_router().unwrap();
    let app = app.fallback(not_found_fallback);
    let server = serve(app.method_not_allowed_fallback(method_not_allowed_fallback)).await;
    let answer = Call::get("/nothing").send(server).await;
    assert_eq!(answer.error(), (404, "not_found".into()));
    let answer = Call::new("PUT", "/notes").send(server).await;
    assert_eq!(answer.error(), (405, "method_not_allowed".into()));
    assert!(answer.header("allow").is_some());
}
