//! The server process: starts it, knows when it is ready, stops it.

use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver, TryRecvError};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions, Connection};

use super::account::Account;
use super::binaries::Installation;
use super::place::Place;
use super::settings::settings;
use super::{DATABASE, EmbeddedError, Options, START_LIMIT, STOP_LIMIT};

const PAUSE: Duration = Duration::from_millis(10);

/// What a server says at a start that may succeed a moment later: the last one
/// was killed, and its pid file or its memory are still there.
const PASSING: [&str; 3] = [
    "postmaster.pid\" already exists",
    "pre-existing shared memory block",
    ".s.PGSQL.5432.lock\" already exists",
];

/// What a connection attempt told.
enum Answer {
    /// A query succeeded.
    Ready,
    /// Somebody is there but is starting, recovering or stopping.
    Busy,
    /// Nobody listens.
    Nobody,
}

/// Brings the cluster to where a query succeeds, by attaching to the server that
/// is there or by starting one; `before_start` runs before each start.
pub(super) async fn ensure(
    place: &Place,
    account: Account,
    installation: &Installation,
    options: &Options,
    connect: &PgConnectOptions,
    mut before_start: impl FnMut() -> Result<(), EmbeddedError>,
) -> Result<(), EmbeddedError> {
    let deadline = Instant::now() + START_LIMIT;
    let mut ours: Option<Receiver<ExitStatus>> = None;
    loop {
        match ask(place, connect).await? {
            // A server whose postmaster was killed may answer a last time.
            Answer::Ready if is_running(place) => return Ok(()),
            Answer::Ready | Answer::Busy => {}
            Answer::Nobody if ours.is_none() => {
                before_start()?;
                ours = Some(start(place, account, installation, options)?);
            }
            Answer::Nobody => {}
        }
        if let Some(ended) = &ours
            && !matches!(ended.try_recv(), Err(TryRecvError::Empty))
        {
            let said = fs::read_to_string(place.log().join("start.log")).unwrap_or_default();
            if !PASSING.iter().any(|passing| said.contains(passing)) {
                return Err(start_failed(place, &said));
            }
            end_survivors(place);
            ours = None;
            tokio::time::sleep(PAUSE * 10).await;
        }
        if Instant::now() > deadline {
            return Err(EmbeddedError::TooSlow {
                waiting: "waiting for PostgreSQL to be ready",
                seconds: START_LIMIT.as_secs(),
                log: place.log(),
            });
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Asks the server whether it is ready, and makes the database if it is not
/// there yet.
async fn ask(place: &Place, connect: &PgConnectOptions) -> Result<Answer, EmbeddedError> {
    let attempt = async {
        let mut connection = connect.connect().await?;
        sqlx::query("select 1").execute(&mut connection).await?;
        connection.close().await
    };
    let error = match tokio::time::timeout(Duration::from_secs(5), attempt).await {
        Ok(Ok(())) => return Ok(Answer::Ready),
        Ok(Err(error)) => error,
        Err(_elapsed) => return Ok(Answer::Busy),
    };
    let code = error
        .as_database_error()
        .and_then(|said| said.code())
        .unwrap_or_default();
    match (&error, &*code) {
        // invalid_catalog_name: a first start, perhaps one that was cut short.
        (_, "3D000") => {
            let mut connection = connect.clone().database("postgres").connect().await?;
            let create = sqlx::AssertSqlSafe(format!("create database {DATABASE}"));
            sqlx::query(create).execute(&mut connection).await?;
            connection.close().await?;
            Ok(Answer::Busy)
        }
        // invalid_password
        (_, "28P01") => Err(EmbeddedError::PasswordRefused {
            path: place.password(),
        }),
        // cannot_connect_now, admin_shutdown, crash_shutdown
        (_, "57P03" | "57P01" | "57P02") => Ok(Answer::Busy),
        (sqlx::Error::Io(cause), _) => match cause.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => Ok(Answer::Nobody),
            io::ErrorKind::PermissionDenied => Err(EmbeddedError::NotWritable {
                path: place.socket(),
            }),
            _ => Ok(Answer::Busy),
        },
        _ => Err(error.into()),
    }
}

/// Starts a server. The receiver tells when it has ended.
fn start(
    place: &Place,
    account: Account,
    installation: &Installation,
    options: &Options,
) -> Result<Receiver<ExitStatus>, EmbeddedError> {
    place.make_run_folders(account)?;
    disown_stale_pid(place)?;
    let log = place.log().join("start.log");
    let output = File::create(&log).map_err(EmbeddedError::at(&log))?;
    let errors = output.try_clone().map_err(EmbeddedError::at(&log))?;
    let mut command = account.command(installation.program("postgres"));
    command
        .arg("-D")
        .arg(place.data())
        .stdout(Stdio::from(output))
        .stderr(Stdio::from(errors));
    for (name, value) in settings(place, options) {
        command.arg("-c").arg(format!("{name}={value}"));
    }
    spawn_reaped(&mut command)
}

/// Spawns a process and a thread that waits for its end. Unreaped, a killed
/// postmaster would stay a zombie, which the next one takes for a live server.
pub(super) fn spawn_reaped(command: &mut Command) -> Result<Receiver<ExitStatus>, EmbeddedError> {
    let program = Path::new(command.get_program()).to_path_buf();
    let mut child = command.spawn().map_err(EmbeddedError::at(&program))?;
    let (ended, receiver) = mpsc::channel();
    thread::Builder::new()
        .name("reaper".to_owned())
        .spawn(move || {
            if let Ok(status) = child.wait() {
                // Nobody may be interested any more.
                let _ = ended.send(status);
            }
        })
        .map_err(EmbeddedError::at(&program))?;
    Ok(receiver)
}

/// Turns the server's last words into an error.
fn start_failed(place: &Place, said: &str) -> EmbeddedError {
    if said.contains("No space left on device") {
        return EmbeddedError::DiskFull { path: place.data() };
    }
    let said = said
        .lines()
        .rev()
        .find_map(|line| {
            ["FATAL:", "PANIC:", "error:"]
                .iter()
                .find_map(|mark| line.split_once(mark))
        })
        .map_or("it gave no reason", |(_, reason)| reason.trim())
        .to_owned();
    let log = place.log();
    EmbeddedError::StartFailed { said, log }
}

/// The process id in the server's pid file.
fn pid(place: &Place) -> Option<Pid> {
    let text = fs::read_to_string(place.pid_file()).ok()?;
    Pid::from_raw(text.lines().next()?.trim().parse().ok()?)
}

/// Whether the server named in the pid file is alive.
fn is_running(place: &Place) -> bool {
    pid(place).is_some_and(|pid| test_kill_process(pid) != Err(rustix::io::Errno::SRCH))
}

/// Clears up after a server that was killed and whose process id somebody else
/// has now, which is the rule when a container restarts: a server that starts
/// would wait for that other process to end, for ever.
///
/// The pid file is not removed, since it also leads to the shared memory in
/// which the server looks for survivors of its predecessor. It gets our own
/// process id instead: PostgreSQL knows that its parent is no server.
fn disown_stale_pid(place: &Place) -> Result<(), EmbeddedError> {
    let Some(pid) = pid(place) else {
        return Ok(());
    };
    let Ok(command) = fs::read(format!("/proc/{}/cmdline", pid.as_raw_nonzero())) else {
        return Ok(());
    };
    let data = place.data();
    let data = data.as_os_str().as_encoded_bytes();
    if command.split(|byte| *byte == 0).any(|word| word == data) {
        return Ok(());
    }
    let path = place.pid_file();
    let text = fs::read_to_string(&path).map_err(EmbeddedError::at(&path))?;
    let rest = text.split_once('\n').map_or("", |(_, rest)| rest);
    let ours = format!("{}\n{rest}", std::process::id());
    fs::write(&path, ours).map_err(EmbeddedError::at(&path))?;
    let socket_lock = place.socket().join(".s.PGSQL.5432.lock");
    match fs::remove_file(&socket_lock) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(EmbeddedError::at(&socket_lock)(error))
        }
        _ => Ok(()),
    }
}

/// Ends the backends of a server that was killed. One that is busy with a query
/// does not notice the end of its postmaster, and as long as it has the shared
/// memory no new server starts. They are told what an immediate stop tells them.
///
/// Known by their working folder, which is the data folder; where there is no
/// `/proc`, the start waits for them.
fn end_survivors(place: &Place) {
    if is_running(place) {
        return;
    }
    let data = place.data();
    for process in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let works_there = fs::read_link(process.path().join("cwd")).is_ok_and(|cwd| cwd == data);
        let pid = process
            .file_name()
            .to_str()
            .and_then(|name| name.parse().ok());
        if let Some(pid) = pid.and_then(Pid::from_raw)
            && works_there
        {
            // It may be gone by now, which is as good.
            let _ = kill_process(pid, Signal::QUIT);
        }
    }
}

/// Stops the server, blocking the thread until it has ended. A server that is
/// gone already is no error.
pub(super) fn stop(
    place: &Place,
    account: Account,
    installation: &Installation,
) -> Result<(), EmbeddedError> {
    if !is_running(place) {
        return Ok(());
    }
    let program = installation.program("pg_ctl");
    account
        .command(&program)
        .args([
            "stop",
            "--silent",
            "--mode",
            "fast",
            "--no-wait",
            "--pgdata",
        ])
        .arg(place.data())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .map_err(EmbeddedError::at(&program))?;
    // pg_ctl itself would look only ten times a second.
    let deadline = Instant::now() + STOP_LIMIT;
    while is_running(place) {
        if Instant::now() > deadline {
            return Err(EmbeddedError::TooSlow {
                waiting: "waiting for PostgreSQL to stop",
                seconds: STOP_LIMIT.as_secs(),
                log: place.log(),
            });
        }
        thread::sleep(PAUSE / 2);
    }
    Ok(())
}
