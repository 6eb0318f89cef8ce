//! The server as a child process in a temporary directory of its own.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::os::unix::fs::{MetadataExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tempfile::TempDir;

use super::client::Client;

/// The address of the first user of an empty store.
pub(crate) const EMAIL: &str = "admin@example.com";
/// Its password in these tests.
pub(crate) const PASSWORD: &str = "correct-horse-battery-staple-7";
/// How long a process may take to become ready or to end.
const PATIENCE: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(10);
/// The user and group that own nothing, for what root could do anyway.
const NOBODY: u32 = 65_534;

/// A directory with the options and variables a server is started with, again and again.
pub(crate) struct Place {
    dir: TempDir,
    listen: String,
    args: Vec<String>,
    env: Vec<(String, String)>,
    unprivileged_program: Option<PathBuf>,
}

impl Place {
    /// An empty directory; the server takes a free port, and the admin's password is known.
    pub(crate) fn new() -> Self {
        Self {
            dir: TempDir::new().unwrap(),
            listen: "127.0.0.1:0".to_owned(),
            args: Vec::new(),
            env: vec![("PORTCULLIS_ADMIN_PASSWORD".to_owned(), PASSWORD.to_owned())],
            unprivileged_program: None,
        }
    }

    pub(crate) fn with_args(mut self, args: &[&str]) -> Self {
        self.set_args(args);
        self
    }

    /// Other options for the next start in the same directory.
    pub(crate) fn set_args(&mut self, args: &[&str]) {
        self.args = args.iter().map(|arg| (*arg).to_owned()).collect();
    }

    pub(crate) fn with_listen(mut self, listen: &str) -> Self {
        listen.clone_into(&mut self.listen);
        self
    }

    pub(crate) fn with_env(mut self, name: &str, value: &str) -> Self {
        self.set_env(name, value);
        self
    }

    pub(crate) fn set_env(&mut self, name: &str, value: &str) {
        self.clear_env(name);
        self.env.push((name.to_owned(), value.to_owned()));
    }

    pub(crate) fn clear_env(&mut self, name: &str) {
        self.env.retain(|(known, _)| known != name);
    }

    /// The server's process will not be root, even if this one is.
    pub(crate) fn unprivileged(mut self) -> Self {
        if fs::metadata(self.path("")).unwrap().uid() == 0 {
            let program = self.path("server");
            fs::copy(env!("CARGO_BIN_EXE_social-api"), &program).unwrap();
            chown(self.path(""), Some(NOBODY), Some(NOBODY)).unwrap();
            self.unprivileged_program = Some(program);
        }
        self
    }

    /// A path inside the directory.
    pub(crate) fn path(&self, relative: &str) -> PathBuf {
        self.dir.path().join(relative)
    }

    /// The variables of the child, for a script that plays its user.
    pub(crate) fn env(&self) -> impl Iterator<Item = (&str, &str)> {
        self.env
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
    }

    fn spawn(&self) -> (Child, Capture, Capture) {
        let mut command = match &self.unprivileged_program {
            None => Command::new(env!("CARGO_BIN_EXE_social-api")),
            Some(program) => {
                let mut command = Command::new(program);
                command.uid(NOBODY).gid(NOBODY);
                command
            }
        };
        let mut child = command
            .current_dir(self.dir.path())
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.dir.path())
            .envs(self.env())
            .arg("--listen")
            .arg(&self.listen)
            .args(&self.args)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let stdout = Capture::of(child.stdout.take().unwrap());
        let stderr = Capture::of(child.stderr.take().unwrap());
        (child, stdout, stderr)
    }

    /// Starts the server and waits until it listens.
    pub(crate) fn start(&self) -> Server {
        let (child, stdout, stderr) = self.spawn();
        let mut server = Server {
            child,
            stdout,
            stderr,
            address: ([127, 0, 0, 1], 0).into(),
        };
        let ready = |text: &str| listening_on(text).is_some();
        if !server.stdout.wait_until(ready) {
            let ended = server.end();
            panic!("the server never listened: {ended:?}");
        }
        server.address = listening_on(&server.stdout.text()).unwrap();
        server
    }

    /// Starts the server, which must end by itself.
    pub(crate) fn start_and_end(&self) -> Ended {
        let (child, stdout, stderr) = self.spawn();
        let server = Server {
            child,
            stdout,
            stderr,
            address: ([127, 0, 0, 1], 0).into(),
        };
        server.wait()
    }

    /// Starts the server, which must refuse: exit code 2 and one line on standard error.
    pub(crate) fn start_refused(&self) -> String {
        let ended = self.start_and_end();
        assert_eq!(ended.status.code(), Some(2), "{ended:?}");
        assert!(
            listening_on(&ended.stdout).is_none(),
            "it said that it listens: {ended:?}"
        );
        let lines: Vec<&str> = ended.stderr.lines().collect();
        assert_eq!(lines.len(), 1, "not one line on standard error: {ended:?}");
        assert!(!lines[0].trim().is_empty(), "an empty line: {ended:?}");
        assert!(!lines[0].contains("panicked"), "{ended:?}");
        lines[0].to_owned()
    }
}

fn listening_on(stdout: &str) -> Option<SocketAddr> {
    let complete = stdout
        .split_inclusive('\n')
        .filter_map(|line| line.strip_suffix('\n'));
    let mut addresses = complete.filter_map(|line| line.strip_prefix("listening on http://"));
    addresses
        .next()
        .map(|address| address.trim_end().parse().unwrap())
}

/// What a process left behind.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) status: ExitStatus,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// A running server, killed when dropped.
pub(crate) struct Server {
    child: Child,
    address: SocketAddr,
    stdout: Capture,
    stderr: Capture,
}

impl Server {
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// A client that speaks from 127.0.0.1.
    pub(crate) fn client(&self) -> Client {
        Client::new(self.address, [127, 0, 0, 1])
    }

    /// A client that speaks from another loopback address, so with limits of its own.
    pub(crate) fn client_from(&self, third: u8, fourth: u8) -> Client {
        Client::new(self.address, [127, 0, third, fourth])
    }

    /// Everything on standard output once `wanted` holds of it.
    pub(crate) fn stdout_when(&self, wanted: impl Fn(&str) -> bool) -> String {
        assert!(
            self.stdout.wait_until(wanted),
            "never printed; so far: {}",
            self.stdout.text()
        );
        self.stdout.text()
    }

    /// Asks the process to end, by the name of a signal.
    pub(crate) fn signal(&self, name: &str) {
        let line = format!("kill -{name} {}", self.child.id());
        assert!(
            Command::new("sh")
                .arg("-c")
                .arg(line)
                .status()
                .unwrap()
                .success()
        );
    }

    /// The most memory that the process has had, as Linux counts it.
    pub(crate) fn peak_memory_bytes(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmHWM:"));
        let kibibytes = line.unwrap().split_whitespace().nth(1).unwrap();
        kibibytes.parse::<u64>().unwrap() * 1024
    }

    /// SIGTERM, then waits for the end.
    pub(crate) fn terminate(self) -> Ended {
        self.signal("TERM");
        self.wait()
    }

    /// SIGKILL: the process gets no chance to do anything.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Waits for the process to end by itself.
    pub(crate) fn wait(mut self) -> Ended {
        let polls = PATIENCE.as_millis() / POLL.as_millis();
        for _ in 0..polls {
            if self.child.try_wait().unwrap().is_some() {
                return self.end();
            }
            thread::sleep(POLL);
        }
        let ended = self.end();
        panic!("the process didn't end by itself: {ended:?}");
    }

    fn end(&mut self) -> Ended {
        let _already_gone = self.child.kill();
        let status = self.child.wait().unwrap();
        Ended {
            status,
            stdout: self.stdout.rest(),
            stderr: self.stderr.rest(),
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _already_gone = self.child.kill();
        let _already_waited = self.child.wait();
    }
}

#[derive(Default)]
struct Captured {
    bytes: Vec<u8>,
    closed: bool,
}

/// What a process has written to one of its pipes.
pub(super) struct Capture {
    shared: Arc<(Mutex<Captured>, Condvar)>,
    reader: Option<JoinHandle<()>>,
}

impl Capture {
    pub(super) fn of(pipe: impl Read + Send + 'static) -> Self {
        let shared = Arc::<(Mutex<Captured>, Condvar)>::default();
        let written = Arc::clone(&shared);
        let reader = thread::spawn(move || {
            let mut pipe = BufReader::new(pipe);
            let mut line = Vec::new();
            while pipe
                .read_until(b'\n', &mut line)
                .is_ok_and(|length| length > 0)
            {
                written.0.lock().unwrap().bytes.append(&mut line);
                written.1.notify_all();
            }
            written.0.lock().unwrap().closed = true;
            written.1.notify_all();
        });
        Self {
            shared,
            reader: Some(reader),
        }
    }

    pub(super) fn text(&self) -> String {
        String::from_utf8_lossy(&self.shared.0.lock().unwrap().bytes).into_owned()
    }

    /// Whether `wanted` came to hold before the pipe was closed and before patience ended.
    pub(super) fn wait_until(&self, wanted: impl Fn(&str) -> bool) -> bool {
        let holds = |captured: &Captured| wanted(&String::from_utf8_lossy(&captured.bytes));
        let captured = self.shared.0.lock().unwrap();
        let (captured, _) = self
            .shared
            .1
            .wait_timeout_while(captured, PATIENCE, |now| !now.closed && !holds(now))
            .unwrap();
        holds(&captured)
    }

    /// Everything, once the pipe is closed.
    fn rest(&mut self) -> String {
        if let Some(reader) = self.reader.take() {
            reader.join().unwrap();
        }
        self.text()
    }
}

/// All files below a folder, with their bytes.
pub(crate) fn files_below(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files_below(&path));
        } else {
            let bytes = fs::read(&path).unwrap();
            found.push((path, bytes));
        }
    }
    found
}
