//! Routes that say what they ask for.

use axum::{Router, extract::State, middleware::map_response, response::Response};
use http::{HeaderValue, Method, header};
use portcullis_axum::{Guarded, GuardedError};
use portcullis_gate::{Access, GuardError};
use portcullis_scope::Scope;

use crate::{
    app::{READ, WRITE, bed, gate, guarded, serve, served},
    client::Call,
};

const REMAINING: &str = "x-ratelimit-remaining";

#[tokio::test]
async fn a_public_route_looks_at_no_credential_at_all() {
    let (bed, server) = served().await;
    let key = bed.key([READ]).await;
    for call in [
        Call::get("/health"),
        Call::get("/health?token=x"),
        Call::get("/health")
            .header("authorization", "Bearer a b c")
            .header("x-api-key", ""),
        Call::get("/health").bearer(&key),
    ] {
        let answer = call.send(server).await;
        assert_eq!((answer.status, answer.text.as_str()), (200, "ok"));
        assert_eq!(answer.header(REMAINING), None);
    }
}

#[tokio::test]
async fn a_guarded_route_is_for_those_who_may() {
    let (bed, server) = served().await;
    let (reader, writer) = (
        bed.key([READ]).await,
        bed.session_of("globex", "eve", [WRITE]).await,
    );

    let answer = Call::get("/notes").send(server).await;
    assert_eq!(answer.error(), (401, "unauthorized".into()));
    assert_eq!(
        answer.header("www-authenticate"),
        Some("Bearer realm=\"api\"")
    );
    assert_eq!(answer.header(REMAINING), None);

    let answer = Call::get("/notes").bearer("guess").send(server).await;
    assert_eq!(answer.error(), (401, "invalid_token".into()));

    let answer = Call::get("/notes").bearer(&reader).send(server).await;
    assert_eq!(
        (answer.status, answer.text.as_str()),
        (200, "notes of acme")
    );
    assert_eq!(answer.header("x-ratelimit-limit"), Some("100"));
    assert_eq!(answer.header(REMAINING), Some("99"));
    assert_eq!(answer.header("x-ratelimit-reset"), Some("1767225660"));

    let answer = Call::new("POST", "/notes")
        .header("x-api-key", &reader)
        .send(server)
        .await;
    assert_eq!(answer.error(), (403, "insufficient_scope".into()));
    let challenge = "Bearer realm=\"api\", error=\"insufficient_scope\", scope=\"notes:write\"";
    assert_eq!(answer.header("www-authenticate"), Some(challenge));
    assert_eq!(answer.header(REMAINING), Some("99"));

    let answer = Call::get("/notes").bearer(&writer).send(server).await;
    assert_eq!(answer.text, "notes of globex");
    let answer = Call::new("POST", "/notes")
        .bearer(&writer)
        .send(server)
        .await;
    assert_eq!((answer.status, answer.text.as_str()), (200, "noted"));

    let answer = Call::new("DELETE", "/notes/7")
        .bearer(&reader)
        .send(server)
        .await;
    assert_eq!(answer.error(), (403, "session_required".into()));
    let answer = Call::new("DELETE", "/notes/7")
        .bearer(&writer)
        .send(server)
        .await;
    assert_eq!(answer.text, "gone");
}

#[tokio::test]
async fn a_handler_that_asks_for_its_caller_on_a_public_route_answers_401() {
    let (bed, server) = served().await;
    let answer = Call::get("/nobody")
        .bearer(&bed.key([READ]).await)
        .send(server)
        .await;
    assert_eq!(answer.error(), (401, "unauthorized".into()));
}

#[tokio::test]
async fn head_is_guarded_and_charged_as_get_and_has_no_body() {
    let (bed, server) = served().await;
    let key = bed.key([READ]).await;
    let answer = Call::new("HEAD", "/notes").send(server).await;
    assert_eq!((answer.status, answer.text.as_str()), (401, ""));
    assert_eq!(
        answer.header("www-authenticate"),
        Some("Bearer realm=\"api\"")
    );
    let answer = Call::new("HEAD", "/notes").bearer(&key).send(server).await;
    assert_eq!((answer.status, answer.text.as_str()), (200, ""));
    assert_eq!(answer.header(REMAINING), Some("99"));
    let answer = Call::get("/notes").bearer(&key).send(server).await;
    assert_eq!(answer.header(REMAINING), Some("98"));
}

#[tokio::test]
async fn failed_verifications_are_counted_by_the_address_of_the_connection() {
    let (bed, server) = served().await;
    let (cached, cold) = (bed.key([READ]).await, bed.key([READ]).await);
    assert_eq!(
        Call::get("/notes")
            .bearer(&cached)
            .send(server)
            .await
            .status,
        200
    );
    for _ in 0..20 {
        assert_eq!(
            Call::get("/notes")
                .bearer("guess")
                .send(server)
                .await
                .status,
            401
        );
    }
    let answer = Call::get("/notes").bearer("guess").send(server).await;
    assert_eq!(answer.error(), (429, "rate_limited".into()));
    assert_eq!(answer.header("retry-after"), Some("60"));
    assert_eq!(
        Call::get("/notes").bearer(&cold).send(server).await.status,
        429
    );
    assert_eq!(
        Call::get("/notes")
            .bearer(&cached)
            .send(server)
            .await
            .status,
        200
    );
}

#[tokio::test]
async fn a_refusal_carries_the_headers_that_the_application_adds_to_every_answer() {
    let bed = bed().await;
    let cors = map_response(async |mut response: Response| {
        let any = HeaderValue::from_static("*");
        response
            .headers_mut()
            .insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, any);
        response
    });
    let server = serve(guarded(&bed).into_router().unwrap().layer(cors)).await;
    let answer = Call::get("/notes")
        .header("origin", "https://a.example")
        .send(server)
        .await;
    assert_eq!(answer.error().0, 401);
    assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
}

#[tokio::test]
async fn a_preflight_is_left_to_the_application_and_costs_nothing() {
    let bed = bed().await;
    let own = guarded(&bed).route(Method::OPTIONS, "/notes", READ, async || "preflight");
    let server = serve(own.into_router().unwrap()).await;
    let key = bed.key([READ]).await;
    let preflight = |path| {
        Call::new("OPTIONS", path)
            .header("origin", "https://a.example")
            .header("access-control-request-method", "GET")
    };
    let answer = preflight("/notes").send(server).await;
    assert_eq!((answer.status, answer.text.as_str()), (200, "preflight"));
    assert_eq!(answer.header(REMAINING), None);
    // Without CORS in the application there is no such method, which is no question of access.
    assert_eq!(
        preflight("/notes/7").bearer(&key).send(server).await.status,
        405
    );
    assert_eq!(
        Call::new("OPTIONS", "/notes").send(server).await.status,
        401
    );
    let answer = Call::get("/notes").bearer(&key).send(server).await;
    assert_eq!(answer.header(REMAINING), Some("99"));
}

#[tokio::test]
async fn handlers_may_have_a_state() {
    let bed = bed().await;
    let routes: Guarded<&'static str> = Guarded::new(gate(&bed)).get(
        "/name",
        Access::any(),
        async |State(name): State<&'static str>| name,
    );
    let server = serve(routes.into_router().unwrap().with_state("ada")).await;
    let key = bed.key([]).await;
    assert_eq!(
        Call::get("/name").bearer(&key).send(server).await.text,
        "ada"
    );
    assert_eq!(Call::get("/name").send(server).await.status, 401);
}

#[tokio::test]
async fn two_handlers_for_one_method_of_one_path_are_an_error() {
    let bed = bed().await;
    let twice = Guarded::<()>::new(gate(&bed))
        .get("/notes", READ, async || "one")
        .post("/notes", READ, async || "another method is fine")
        .public(Method::GET, "/notes", async || "two");
    let error = twice.into_router().unwrap_err();
    assert!(
        matches!(&error, GuardedError::Twice { method, path } if method == "GET" && path == "/notes")
    );
    assert_eq!(error.to_string(), "GET /notes is mounted twice");
}

#[tokio::test]
async fn a_route_that_does_not_fit_the_gate_is_an_error_that_names_it() {
    let bed = bed().await;
    let unknown = Scope::from_static("notes:burn");
    let routes = Guarded::<()>::new(gate(&bed))
        .get("/fine", READ, async || "fine")
        .put("/burn", unknown, async || "never")
        .patch("/dear", Access::any().with_cost(101), async || "never");
    let error = routes.into_router().unwrap_err();
    let GuardedError::Guard {
        method,
        path,
        source,
    } = &error
    else {
        panic!("{error}");
    };
    assert_eq!(
        (method, path.as_str()),
        (&Method::PUT, "/burn"),
        "the first of the two"
    );
    assert!(matches!(source, GuardError::Requirement(_)));
    assert!(
        error.to_string().starts_with("PUT /burn: ") && error.to_string().contains("notes:burn")
    );

    let odd = Method::from_bytes(b"BREW").unwrap();
    let routes = Guarded::<()>::new(gate(&bed)).route(odd, "/pot", READ, async || "tea");
    assert!(matches!(
        routes.into_router(),
        Err(GuardedError::Method { .. })
    ));
}

#[tokio::test]
async fn the_routes_can_be_listed_with_what_they_ask_for() {
    let bed = bed().await;
    let routes = guarded(&bed);
    let listed: Vec<String> = routes
        .routes()
        .iter()
        .map(|route| format!("{} {} {}", route.method, route.path, route.access.is_some()))
        .collect();
    assert_eq!(
        listed,
        [
            "GET /health false",
            "GET /nobody false",
            "GET /notes true",
            "POST /notes true",
            "DELETE /notes/{id} true",
            "POST /keys/report-leak false",
            "POST /keys true",
            "GET /keys true",
            "GET /keys/review true",
            "GET /keys/{id}/usage true",
            "GET /keys/{id} true",
            "PATCH /keys/{id} true",
            "DELETE /keys/{id} true",
            "POST /keys/{id}/rotate true",
        ]
    );
}

#[tokio::test]
async fn paths_that_cannot_be_routed_are_an_error_and_no_panic() {
    let bed = bed().await;
    let ambiguous = Guarded::<()>::new(gate(&bed))
        .get("/a/{id}", READ, async || "a")
        .put("/a/{name}", READ, async || "b");
    let pathless = Guarded::<()>::new(gate(&bed)).get("a", READ, async || "a");
    let old = Guarded::<()>::new(gate(&bed)).get("/:id", READ, async || "a");
    for routes in [ambiguous, pathless, old] {
        let error = routes.into_router().unwrap_err();
        assert!(matches!(error, GuardedError::Path { .. }), "{error}");
    }
}

#[tokio::test]
async fn the_ledger_says_what_was_called_also_of_a_nested_router() {
    let bed = bed().await;
    let (acme, key) = ("acme".parse().unwrap(), bed.key([WRITE]).await);
    bed.registry().ensure_owner(&acme, 10).await.unwrap();
    let api: Guarded = Guarded::new(gate(&bed)).post(
        "/notes/{id}",
        Access::scope(WRITE).with_price(1),
        async || "noted",
    );
    let nested = Router::new().nest("/v1", api.into_router().unwrap());
    let server = serve(Router::new().nest("/api", nested)).await;
    let call = Call::new("POST", "/api/v1/notes/7?draft=secret").bearer(&key);
    assert_eq!(call.send(server).await.status, 200);
    let ledger = bed.store().ledger(&acme);
    assert_eq!(ledger.last().unwrap().note, "POST /api/v1/notes/7");
}

#[tokio::test]
async fn the_list_of_denied_requests_says_what_was_called_also_of_a_nested_router() {
    let bed = bed().await;
    let key = bed.key([READ]).await;
    let api: Guarded = Guarded::new(gate(&bed)).get("/notes/{id}", WRITE, async || "noted");
    let nested = Router::new().nest("/v1", api.into_router().unwrap());
    let server = serve(Router::new().nest("/api", nested)).await;
    let call = Call::new("GET", "/api/v1/notes/7?draft=secret").bearer(&key);
    assert_eq!(call.send(server).await.status, 403);
    let query = portcullis_registry::DeniedQuery::new();
    let system = portcullis_registry::Actor::dangerous_system();
    let page = bed.registry().denied(&system, query).await.unwrap();
    assert_eq!(page.items[0].route, "GET /api/v1/notes/7");
}
