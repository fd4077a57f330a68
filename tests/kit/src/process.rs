//! The real binaries as child processes, for tests that kill, stop and restart
//! them. Which arguments a test wants is its own business.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use bytes::Bytes;
use http_body_util::Empty;
use hyper::client::conn::http1;
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

use crate::db::audit_keys_file;

/// How long a server may take until `/readyz` answers 200. The first start
/// makes a database cluster.
const READY: Duration = Duration::from_secs(120);

/// How often a condition is looked at again.
const POLL: Duration = Duration::from_millis(10);

/// What a server prints in front of its URL once it listens.
const LISTENING: &str = "listening on ";

/// A server process. Dropping it kills it.
#[derive(Debug)]
pub struct ServerProcess {
    child: Child,
    url: String,
    output: TempDir,
}

impl ServerProcess {
    /// Starts the server with these arguments on a free loopback port and waits
    /// until it is ready.
    ///
    /// # Errors
    /// The binary cannot be built or started, or did not become ready: the
    /// error holds what it printed.
    pub async fn start<I, S>(args: I) -> Result<Self>
    where
        I: IntoIterator<Item = S>,
        S: AsRef<OsStr>,
    {
        let mut command = Command::new(server_bin()?);
        command.args(args).args(["--listen", "127.0.0.1:0"]);
        Self::spawn(command).await
    }

    /// Starts a prepared command and waits until it is ready. It has to print
    /// `listening on URL` and to answer `/readyz`.
    ///
    /// # Errors
    /// As [`ServerProcess::start`].
    pub async fn spawn(mut command: Command) -> Result<Self> {
        give_audit_keys(&mut command);
        let output = tempfile::tempdir().context("making a folder for the server's output")?;
        let child = command
            .stdin(Stdio::null())
            .stdout(File::create(output.path().join("stdout"))?)
            .stderr(File::create(output.path().join("stderr"))?)
            .spawn()
            .with_context(|| format!("starting {}", command.get_program().display()))?;
        let mut server = Self {
            child,
            url: String::new(),
            output,
        };
        let ready = timeout(READY, server.until_ready()).await;
        ready
            .unwrap_or_else(|_| bail!("not ready after {READY:?}"))
            .with_context(|| {
                format!("stdout:\n{}\nstderr:\n{}", server.stdout(), server.stderr())
            })?;
        Ok(server)
    }

    async fn until_ready(&mut self) -> Result<()> {
        loop {
            self.ensure_running()?;
            // Only a whole line: the URL may be half written.
            if let Some((line, _)) =
                after(&self.stdout(), LISTENING).and_then(|s| s.split_once('\n'))
            {
                self.url = line.trim().to_owned();
                break;
            }
            sleep(POLL).await;
        }
        if self.url.starts_with("https://") {
            // It listens; whom it answers is for the test to find out.
            return Ok(());
        }
        let addr = self.addr()?;
        while !matches!(get_status(addr, "/readyz").await, Ok(StatusCode::OK)) {
            self.ensure_running()?;
            sleep(POLL).await;
        }
        Ok(())
    }

    fn ensure_running(&mut self) -> Result<()> {
        let exited = self.child.try_wait()?;
        ensure!(
            exited.is_none(),
            "the server ended before it was ready: {exited:?}"
        );
        Ok(())
    }

    /// The base URL, without a trailing slash.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The address in the URL.
    ///
    /// # Errors
    /// The server printed no URL with an address.
    pub fn addr(&self) -> Result<SocketAddr> {
        let addr = ["https://", "http://"]
            .iter()
            .find_map(|scheme| self.url.strip_prefix(scheme))
            .unwrap_or(&self.url);
        addr.parse()
            .with_context(|| format!("no address in {:?}", self.url))
    }

    /// The id of the process.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What the server printed to standard output so far.
    #[must_use]
    pub fn stdout(&self) -> String {
        self.printed("stdout")
    }

    /// What the server printed to standard error so far.
    #[must_use]
    pub fn stderr(&self) -> String {
        self.printed("stderr")
    }

    fn printed(&self, name: &str) -> String {
        let bytes = fs::read(self.output.path().join(name)).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Ends the process at once, as a crash would, and waits until it is gone.
    ///
    /// # Errors
    /// The signal cannot be sent.
    pub fn kill9(&mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// Asks the process to stop in good order.
    ///
    /// # Errors
    /// The signal cannot be sent.
    pub fn sigterm(&self) -> Result<()> {
        self.signal(Signal::TERM)
    }

    /// Sends any other signal (`STOP`, `CONT`, `HUP`).
    ///
    /// # Errors
    /// The signal cannot be sent.
    pub fn signal(&self, signal: Signal) -> Result<()> {
        // The child is ours and not yet waited for, so the id is still its own.
        kill_process(Pid::from_child(&self.child), signal)?;
        Ok(())
    }

    /// Waits until the process ends.
    ///
    /// # Errors
    /// It still runs after `limit`.
    pub async fn wait_exit(&mut self, limit: Duration) -> Result<ExitStatus> {
        let deadline = Instant::now() + limit;
        loop {
            if let Some(status) = self.child.try_wait()? {
                return Ok(status);
            }
            ensure!(Instant::now() < deadline, "still running after {limit:?}");
            sleep(POLL).await;
        }
    }
}

impl Drop for ServerProcess {
    fn drop(&mut self) {
        // Both fail only if the process is gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs the `systemprompt` binary to its end.
///
/// # Errors
/// The binary cannot be built or started. A failing command is no error here:
/// look at the output's status.
pub fn cli<I, S>(args: I) -> Result<Output>
where
    I: IntoIterator<Item = S>,
    S: AsRef<OsStr>,
{
    let bin = cli_bin()?;
    let mut command = Command::new(bin);
    give_audit_keys(&mut command);
    let output = command.args(args).stdin(Stdio::null()).output();
    output.with_context(|| format!("starting {}", bin.display()))
}

/// Lets a program append to the audit logs of tests' databases, unless the
/// command says otherwise.
pub fn give_audit_keys(command: &mut Command) {
    const NAME: &str = "SYSTEMPROMPT_AUDIT_KEYS";
    if !command.get_envs().any(|(name, _)| name == NAME) {
        command.env(NAME, audit_keys_file());
    }
}

/// The server binary: `SYSTEMPROMPT_SERVER_BIN`, else the one beside this test.
///
/// # Errors
/// It is not there and cannot be built.
pub fn server_bin() -> Result<&'static Path> {
    static FOUND: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    find("SYSTEMPROMPT_SERVER_BIN", "systemprompt-server", &FOUND)
}

/// The command line binary: `SYSTEMPROMPT_BIN`, else the one beside this test.
///
/// # Errors
/// It is not there and cannot be built.
pub fn cli_bin() -> Result<&'static Path> {
    static FOUND: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    find("SYSTEMPROMPT_BIN", "systemprompt", &FOUND)
}

fn find(
    variable: &str,
    name: &str,
    found: &'static OnceLock<Result<PathBuf, String>>,
) -> Result<&'static Path> {
    let found = found.get_or_init(|| match std::env::var_os(variable) {
        Some(path) => Ok(path.into()),
        None => beside_this_test(name).map_err(|error| format!("{error:#}")),
    });
    found.as_deref().map_err(|error| anyhow::anyhow!("{error}"))
}

/// An example of the capture crate: `SYSTEMPROMPT_EXAMPLES_DIR/NAME`, else the one that
/// lies with this test.
///
/// # Errors
/// It is not there and cannot be built.
pub fn example_bin(name: &str) -> Result<PathBuf> {
    static FOLDER: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    let folder = FOLDER.get_or_init(|| match std::env::var_os("SYSTEMPROMPT_EXAMPLES_DIR") {
        Some(folder) => Ok(folder.into()),
        // With the features of the whole workspace, as its tests are built: then there
        // is nothing left to do.
        None => build(&["--workspace", "--examples"])
            .map(|folder| folder.join("examples"))
            .map_err(|error| format!("{error:#}")),
    });
    let folder = folder
        .as_deref()
        .map_err(|error| anyhow::anyhow!("{error}"))?;
    Ok(folder.join(name))
}

/// The binary in the folder above `deps`, where this test's own one lies. Built
/// first: cargo builds a test without other packages' binaries, and one of
/// yesterday's would test nothing of today.
fn beside_this_test(name: &str) -> Result<PathBuf> {
    Ok(build(&["--package", name])?.join(name))
}

/// Builds with the profile that this test was built with, to where it lies; answers the
/// folder of the binaries.
fn build(what: &[&str]) -> Result<PathBuf> {
    let test = std::env::current_exe()?;
    let profile = test
        .parent()
        .map(|folder| {
            if folder.ends_with("deps") {
                folder.parent()
            } else {
                Some(folder)
            }
        })
        .and_then(|folder| folder.zip(folder.and_then(Path::parent)));
    let (folder, target) = profile.context("the test does not run from a target folder")?;
    let profile = match folder.file_name().and_then(OsStr::to_str) {
        Some("debug") | None => "dev",
        Some(profile) => profile,
    };
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status = Command::new(cargo)
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
        .args(["build", "--quiet"])
        .args(what)
        .args(["--profile", profile, "--target-dir"])
        .arg(target)
        .status()
        .context("starting cargo")?;
    ensure!(status.success(), "cargo build {}: {status}", what.join(" "));
    Ok(folder.to_owned())
}

fn after<'a>(text: &'a str, mark: &str) -> Option<&'a str> {
    text.split_once(mark).map(|(_, rest)| rest)
}

/// The status of a GET, on a connection of its own.
async fn get_status(addr: SocketAddr, path: &str) -> Result<StatusCode> {
    let stream = TcpStream::connect(addr).await?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let request = Request::get(path)
        .header("host", addr.to_string())
        .body(Empty::<Bytes>::new())?;
    tokio::select! {
        response = sender.send_request(request) => Ok(response?.status()),
        ended = connection => match ended {
            Ok(()) => bail!("closed without an answer"),
            Err(error) => Err(error.into()),
        },
    }
}
