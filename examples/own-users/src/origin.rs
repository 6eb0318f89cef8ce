//! No other site's page may act with a visitor's cookie.

use axum::{
    extract::Request,
    http::{HeaderMap, StatusCode, header},
    middleware::Next,
    response::Response,
};

use crate::error::AppError;

/// Refuses what a page of another site sends, unless it only reads.
pub(crate) async fn refuse_others(request: Request, next: Next) -> Result<Response, AppError> {
    if !request.method().is_safe() && !is_own(request.headers()) {
        let what = "another site may not do this";
        return Err(AppError::Refused(StatusCode::FORBIDDEN, what));
    }
    Ok(next.run(request).await)
}

/// Browsers say where a request comes from, older ones by `Origin` alone, and no page can change
/// that. A program says nothing, and has no visitor's cookie either.
fn is_own(headers: &HeaderMap) -> bool {
    match (headers.get("sec-fetch-site"), headers.get(header::ORIGIN)) {
        (Some(site), _) => site == "same-origin" || site == "none",
        (None, Some(origin)) => {
            let origin = origin
                .to_str()
                .ok()
                .and_then(|origin| origin.split_once("://"));
            origin.is_some_and(|(_, host)| headers.get(header::HOST).is_some_and(|own| own == host))
        }
        (None, None) => true,
    }
}
