//! A service of one handler, mounted twice: open, and behind the gate.

use std::{
    io::{BufRead, BufReader, Write},
    net::SocketAddr,
    process::{Command, Stdio},
};

use axum::{extract::connect_info::IntoMakeServiceWithConnectInfo, http::Method};
use portcullis_axum::Guarded;
use portcullis_gate::Gate;

use super::{QUOTA, Running};
use crate::{
    Failure,
    made::{Maker, READ},
};

/// The argument by which this program calls itself.
pub(crate) const CHILD: &str = "http-child";

/// Serves until it is ended, after a line with its address and a key.
pub(crate) fn child() -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let maker = Maker::new()?;
        let gate = Gate::new(maker.registry(1).await?).with_limit(QUOTA.parse()?);
        let service: IntoMakeServiceWithConnectInfo<_, SocketAddr> = Guarded::new(gate)
            .public(Method::GET, "/open", || async { "ok" })
            .get("/guarded", READ, || async { "ok" })
            .into_router()?
            .into_make_service_with_connect_info();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        let (address, key) = (listener.local_addr()?, maker.text(0)?);
        let mut out = std::io::stdout().lock();
        writeln!(out, "{address} {key}")?;
        out.flush()?;
        drop(out);
        axum::serve(listener, service).await?;
        Ok(())
    })
}

pub(super) fn start() -> Result<Running, Failure> {
    let mut process = Command::new(std::env::current_exe()?)
        .arg(CHILD)
        .stdout(Stdio::piped())
        .spawn()?;
    let out = process.stdout.take();
    // From here on it is ended with this.
    let mut running = Running {
        process,
        open: String::new(),
        guarded: String::new(),
        key: String::new(),
    };
    let mut line = String::new();
    BufReader::new(out.ok_or("the server has no output")?).read_line(&mut line)?;
    let said = line.trim().split_once(' ');
    let (address, key) = said.ok_or("the server has not said where it listens")?;
    running.open = format!("http://{address}/open");
    running.guarded = format!("http://{address}/guarded");
    key.clone_into(&mut running.key);
    Ok(running)
}
