#![doc = include_str!("../README.md")]
#![expect(clippy::print_stdout, reason = "it tells its reader what to try")]

use std::{env, error::Error, fs, net::SocketAddr, path::Path};

use axum::{
    Router, middleware,
    routing::{get, post},
};
use tokio::{net::TcpListener, signal};

use crate::db::Db;

mod accounts;
mod db;
mod error;
mod notes;
mod origin;
mod sessions;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .init();
    let address = env::args().nth(1);
    let address = address.as_deref().unwrap_or("127.0.0.1:3000");
    let data = Path::new("notes-data");
    fs::create_dir_all(data)?;
    let db = Db::open(&data.join("notes.db"))?;

    let signed_in = Router::new()
        .route("/me", get(accounts::me))
        .route("/notes", get(notes::list).post(notes::create))
        .route_layer(middleware::from_fn_with_state(
            db.clone(),
            sessions::require,
        ));
    let app = Router::new()
        .route("/signup", post(accounts::sign_up))
        .route("/login", post(accounts::log_in))
        .route("/logout", post(accounts::log_out))
        .merge(signed_in)
        .layer(middleware::from_fn(origin::refuse_others))
        .with_state(db)
        .into_make_service_with_connect_info::<SocketAddr>();

    let listener = TcpListener::bind(address).await?;
    let url = format!("http://{}", listener.local_addr()?);
    println!("listening on {url}\n\nAPP={url}");
    println!("{}", include_str!("../try-it.sh"));
    let stop = async { signal::ctrl_c().await.unwrap_or_default() };
    axum::serve(listener, app)
        .with_graceful_shutdown(stop)
        .await?;
    Ok(())
}
