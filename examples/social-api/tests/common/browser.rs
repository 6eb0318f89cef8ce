//! Chromium without a window, driven over `WebDriver`, and pages of another origin for it.

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;
use thirtyfour::error::WebDriverResult;
use thirtyfour::prelude::{ChromiumLikeCapabilities, DesiredCapabilities, WebDriver};
use tokio::runtime::{Builder, Runtime};

use super::server::Capture;

/// How long the browser may take for one command.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often a driver is started. It takes a port of IPv6 that is free, and gives up if that of IPv4
/// with the same number is not.
const STARTS: usize = 10;
/// What the driver prints before its port.
const BEFORE_PORT: &str = "ChromeDriver was started successfully on port ";

/// A browser with a new profile of its own. It ends when this is dropped, also by a panic.
pub(crate) struct Browser {
    driver: Option<WebDriver>,
    runtime: Runtime,
    program: Child,
    /// The profile and whatever else the browser writes.
    folder: TempDir,
}

impl Browser {
    /// Starts a driver on a free port, and by it a browser.
    pub(crate) fn start() -> Self {
        let folder = TempDir::new().unwrap();
        let (program, port) = start_driver(&folder);
        // From here on whatever panics ends the driver too.
        let mut browser = Self {
            driver: None,
            runtime: Builder::new_current_thread().enable_all().build().unwrap(),
            program,
            folder,
        };
        browser.driver = Some(browser.open_session(format!("http://127.0.0.1:{port}")));
        browser
    }

    fn open_session(&self, driver: String) -> WebDriver {
        let mut wanted = DesiredCapabilities::chrome();
        let profile = format!("--user-data-dir={}", self.folder.path().display());
        let arguments = [
            "--headless=new",
            // Root has no sandbox, nor is there one in every container; the pages are our own.
            "--no-sandbox",
            // The shared memory of a container is too small.
            "--disable-dev-shm-usage",
            "--disable-gpu",
            "--no-first-run",
            "--no-proxy-server",
            "--disable-background-networking",
            "--disable-component-update",
            "--window-size=1280,900",
            &profile,
        ];
        for argument in arguments {
            wanted.add_arg(argument).unwrap();
        }
        let http = reqwest::Client::builder().no_proxy().timeout(2 * PATIENCE);
        let http = http.build().unwrap();
        let connecting = WebDriver::builder(driver, wanted).client(http).connect();
        let driver = self.runtime.block_on(connecting);
        driver.unwrap_or_else(|error| {
            panic!("no browser: {error}; install the packages chromium and chromium-driver")
        })
    }

    /// Has the browser do something, such as type or take a picture.
    pub(crate) fn run<T>(&self, work: impl AsyncFnOnce(&WebDriver) -> WebDriverResult<T>) -> T {
        let driver = self.driver.as_ref().unwrap();
        self.runtime.block_on(work(driver)).unwrap()
    }

    /// Goes to an address and waits until it is loaded.
    pub(crate) fn open(&self, address: &str) {
        self.run(async |driver| driver.goto(address).await);
    }

    /// Awaits a JavaScript expression in the page, with `args` in reach, and returns its value.
    pub(crate) fn evaluate(&self, expression: &str, args: Vec<Value>) -> Value {
        let script = format!(
            "const args = [...arguments], done = args.pop(); \
             (async () => {expression})().then( \
                 (value) => done({{ value }}), (error) => done({{ error: String(error) }}));"
        );
        let mut answer =
            self.run(async |driver| Ok(driver.execute_async(script, args).await?.json().clone()));
        if let Some(error) = answer.get("error") {
            panic!("{expression}: {error}");
        }
        answer["value"].take()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        if let Some(driver) = self.driver.take() {
            let _already_gone = self.runtime.block_on(driver.quit());
        }
        let _already_gone = self.program.kill();
        let _already_waited = self.program.wait();
        kill_those_of(&self.folder);
    }
}

/// A driver, and the port that it has taken.
fn start_driver(folder: &TempDir) -> (Child, u16) {
    let mut said = String::new();
    for _ in 0..STARTS {
        let mut program = Command::new("chromedriver")
            .arg("--port=0")
            .current_dir(folder.path())
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", folder.path())
            .env("TMPDIR", folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| {
                panic!("chromedriver: {error}; install the packages chromium and chromium-driver")
            });
        let stdout = Capture::of(program.stdout.take().unwrap());
        stdout.wait_until(|said| port(said).is_some());
        said = stdout.text();
        if let Some(port) = port(&said) {
            return (program, port);
        }
        let _already_gone = program.kill();
        let _already_waited = program.wait();
    }
    panic!("chromedriver never listened: {said}");
}

/// The port that the driver says it has taken.
fn port(said: &str) -> Option<u16> {
    let (_, rest) = said.split_once(BEFORE_PORT)?;
    let (port, _) = rest.split_once('.')?;
    port.parse().ok()
}

/// Ends the browser of this profile if the driver didn't come to it.
fn kill_those_of(folder: &TempDir) {
    let profile = folder.path().to_str().unwrap_or_default();
    let Ok(processes) = fs::read_dir("/proc") else {
        return;
    };
    for process in processes.flatten() {
        let id = process.file_name().to_string_lossy().into_owned();
        let command = fs::read(process.path().join("cmdline")).unwrap_or_default();
        let is_number = id.bytes().all(|byte| byte.is_ascii_digit());
        if is_number && String::from_utf8_lossy(&command).contains(profile) {
            let mut kill = Command::new("kill");
            let _already_gone = kill.args(["-9", &id]).stderr(Stdio::null()).status();
        }
    }
}

/// One page on a port of its own, and so of another origin than any server. It is served, whatever
/// the path, until this is dropped.
pub(crate) struct Page {
    address: SocketAddr,
    stop: Arc<AtomicBool>,
    server: Option<JoinHandle<()>>,
}

impl Page {
    pub(crate) fn serve(html: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let stop = Arc::<AtomicBool>::default();
        let stopped = Arc::clone(&stop);
        let server = thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                if stopped.load(Ordering::SeqCst) {
                    return;
                }
                // A browser also opens connections that it doesn't use.
                thread::spawn(move || answer(connection, html));
            }
        });
        Self {
            address,
            stop,
            server: Some(server),
        }
    }

    /// As in the header `Origin`, and the address of the page too.
    pub(crate) fn origin(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        // So that it sees it.
        let woken = TcpStream::connect(self.address).is_ok();
        if let Some(server) = self.server.take().filter(|_| woken) {
            let _its_panic_is_known = server.join();
        }
    }
}

fn answer(mut connection: TcpStream, html: &str) {
    let _ = connection.set_read_timeout(Some(PATIENCE));
    let mut head = Vec::new();
    let mut buffer = [0; 1024];
    while !head.windows(4).any(|end| end == b"\r\n\r\n") {
        match connection.read(&mut buffer) {
            Ok(length) if length > 0 => head.extend_from_slice(&buffer[..length]),
            _ => return,
        }
    }
    let length = html.len();
    let _gone = write!(
        connection,
        "HTTP/1.1 200 OK\r\ncontent-type: text/html; charset=utf-8\r\ncontent-length: {length}\r\n\
         cache-control: no-store\r\nconnection: close\r\n\r\n{html}"
    );
}
