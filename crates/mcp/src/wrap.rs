//! A wrapper around an MCP server on standard input and output: a pump for its
//! lines, which records the tool calls among them.
//!
//! Bytes pass unchanged, standard error is the server's own, and so is the exit
//! code. The end of a call's answer leaves when its record is on disk.

mod lines;

use std::ffi::OsString;
use std::io::{self, Read, Write};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use systemprompt_capture::Spool;
use systemprompt_domain::Event;
use tokio::runtime::Handle;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;

use self::lines::Lines;

/// Bytes that are read at once.
const CHUNK: usize = 64 << 10;
/// How long the end of an answer may wait for the disk.
const DISK_PATIENCE: Duration = Duration::from_secs(1);
/// How long what the server said last may take to reach the client.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// What is wrapped.
#[derive(Clone, Debug)]
pub struct Wrapped {
    /// The name under which its calls are recorded.
    pub server: String,
    /// The agent that calls, where one is named.
    pub agent: Option<String>,
    /// The session, where one is named.
    pub session: Option<String>,
    /// The program and its arguments.
    pub command: Vec<OsString>,
}

/// Signals that are the server's.
const SIGNALS: [(SignalKind, Signal); 6] = [
    (SignalKind::interrupt(), Signal::INT),
    (SignalKind::terminate(), Signal::TERM),
    (SignalKind::hangup(), Signal::HUP),
    (SignalKind::quit(), Signal::QUIT),
    (SignalKind::user_defined1(), Signal::USR1),
    (SignalKind::user_defined2(), Signal::USR2),
];

/// Runs the server until it ends, between our own standard input and output.
/// Signals that reach us reach it. Must be called within a runtime that goes on
/// while this is awaited.
///
/// # Errors
/// When the server cannot be started.
pub async fn wrap(wrapped: &Wrapped, spool: Option<Spool>) -> io::Result<ExitStatus> {
    let (program, arguments) = wrapped
        .command
        .split_first()
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "no command is given"))?;
    // Signals first: one that comes while the server starts is not lost.
    let mut signals = Vec::new();
    for (kind, number) in SIGNALS {
        signals.push((signal(kind)?, number));
    }
    let mut command = Command::new(program);
    command
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    // A group of its own: what a terminal sends to ours is passed on, once.
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    let mut child = command.spawn()?;
    let pid = Pid::from_child(&child);
    let (to, from) = (child.stdin.take(), child.stdout.take());
    let (Some(to), Some(from)) = (to, from) else {
        return Err(io::Error::other("the server's pipes are missing"));
    };
    let lines = Arc::new(Mutex::new(Lines::new(wrapped)));
    let keeper = spool.map(|spool| Keeper {
        spool,
        handle: Handle::current(),
    });

    let outward = (Arc::clone(&lines), keeper.clone());
    // Nobody waits for this one: the client may keep its end open for ever.
    thread::spawn(move || asks(&mut io::stdin().lock(), to, &outward.0, outward.1.as_ref()));
    let (said_all, all_said) = oneshot::channel();
    let inward = (Arc::clone(&lines), keeper.clone());
    thread::spawn(move || {
        answers(from, &mut io::stdout().lock(), &inward.0, inward.1.as_ref());
        let _ = said_all.send(());
    });
    let status = ended(child, pid, signals).await?;
    // Its children may hold its output open after it.
    let _ = tokio::time::timeout(LAST_WORDS, all_said).await;
    let events = lines.lock().unwrap_or_else(PoisonError::into_inner).end();
    if let Some(keeper) = &keeper {
        for event in &events {
            keeper.append(event);
        }
        keeper.spool.flush().await;
    }
    Ok(status)
}

/// Waits for the server's end, and passes signals on meanwhile.
async fn ended(
    mut child: Child,
    pid: Pid,
    signals: Vec<(tokio::signal::unix::Signal, Signal)>,
) -> io::Result<ExitStatus> {
    let passing: Vec<_> = signals
        .into_iter()
        .map(|(mut signal, number)| {
            tokio::spawn(async move {
                while signal.recv().await.is_some() {
                    // It fails if the server has just ended, which is what was wanted.
                    let _ = kill_process(pid, number);
                }
            })
        })
        .collect();
    let (ended, end) = oneshot::channel();
    thread::spawn(move || ended.send(child.wait()));
    let status = end.await.map_err(io::Error::other)?;
    for task in passing {
        task.abort();
    }
    status
}

/// Keeps events on disk.
#[derive(Clone)]
struct Keeper {
    spool: Spool,
    handle: Handle,
}

impl Keeper {
    fn append(&self, event: &Event) -> systemprompt_capture::spool::Ticket {
        let payload = serde_json::to_vec(event).expect("events hold only what JSON can say");
        self.spool.append(&payload, true)
    }

    /// Returns when the events are on disk, or patience with it runs out.
    fn keep(&self, events: &[Event]) {
        let mut last = None;
        for event in events {
            last = Some(self.append(event));
        }
        let Some(last) = last else {
            return;
        };
        let saved = async {
            let _ = tokio::time::timeout(DISK_PATIENCE, self.spool.durable(last)).await;
        };
        self.handle.block_on(saved);
    }
}

/// From the client to the server, to the end of either.
fn asks(
    client: &mut impl Read,
    mut server: impl Write,
    lines: &Mutex<Lines>,
    keeper: Option<&Keeper>,
) {
    let mut buffer = vec![0; CHUNK];
    while let Some(bytes) = next(client, &mut buffer) {
        // Before the server has it: its answer must find the call.
        let events = lines
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .asked(bytes);
        if let Some(keeper) = keeper {
            keeper.keep(&events);
        }
        if server
            .write_all(bytes)
            .and_then(|()| server.flush())
            .is_err()
        {
            return;
        }
    }
    lines.lock().unwrap_or_else(PoisonError::into_inner).left();
    // The server's end of input is its sign to stop.
    drop(server);
}

/// From the server to the client, to the end of either.
fn answers(
    mut server: impl Read,
    client: &mut impl Write,
    lines: &Mutex<Lines>,
    keeper: Option<&Keeper>,
) {
    let mut buffer = vec![0; CHUNK];
    let mut open = true;
    while let Some(bytes) = next(&mut server, &mut buffer) {
        let events = lines
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .answered(bytes);
        if let Some(keeper) = keeper {
            keeper.keep(&events);
        }
        // A client that reads no more is no reason to stop the server: it would
        // block on a full pipe. It sees the end of its input.
        open = open
            && client
                .write_all(bytes)
                .and_then(|()| client.flush())
                .is_ok();
    }
}

fn next<'b>(from: &mut impl Read, buffer: &'b mut [u8]) -> Option<&'b [u8]> {
    loop {
        match from.read(buffer) {
            Ok(0) => return None,
            Ok(n) => return buffer.get(..n),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => return None,
        }
    }
}
