//! Attacks, each on a thread of its own, over and over until it is told to end.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

const MIB: usize = 1 << 20;

/// One attack.
#[derive(Debug)]
pub(super) struct Attack {
    name: &'static str,
    /// How many attackers at once.
    attackers: usize,
    /// One try of one of them; `true` if it got as far as it can.
    attempt: fn(SocketAddr, &AtomicBool) -> std::io::Result<()>,
}

impl Attack {
    pub(super) const fn name(&self) -> &'static str {
        self.name
    }
}

pub(super) const ATTACKS: &[Attack] = &[
    Attack {
        name: "500 idle connections",
        attackers: 1,
        attempt: idle,
    },
    Attack {
        name: "300 slow heads",
        attackers: 1,
        attempt: slow_heads,
    },
    Attack {
        name: "300 slow bodies",
        attackers: 1,
        attempt: slow_bodies,
    },
    Attack {
        name: "200 MB bodies",
        attackers: 2,
        attempt: huge,
    },
    Attack {
        name: "JSON 1,000,000 deep",
        attackers: 2,
        attempt: deep,
    },
    Attack {
        name: "malformed and smuggled heads",
        attackers: 2,
        attempt: malformed,
    },
    Attack {
        name: "wrong tokens",
        attackers: 2,
        attempt: wrong_tokens,
    },
    Attack {
        name: "password spraying, 4 at once",
        attackers: 4,
        attempt: spray,
    },
];

/// An attack that is under way.
pub(super) struct Running {
    over: Arc<AtomicBool>,
    tries: Arc<AtomicU64>,
    attackers: Vec<JoinHandle<()>>,
}

impl Running {
    pub(super) fn begin(
        attack: &'static Attack,
        addr: anyhow::Result<SocketAddr>,
    ) -> anyhow::Result<Self> {
        let (over, tries) = (Arc::<AtomicBool>::default(), Arc::<AtomicU64>::default());
        let addr = addr?;
        let attacker = |_| {
            let (over, tries) = (Arc::clone(&over), Arc::clone(&tries));
            thread::spawn(move || {
                while !over.load(Ordering::Relaxed) {
                    // A refused or cut connection is what the server may do.
                    let _ = (attack.attempt)(addr, &over);
                    tries.fetch_add(1, Ordering::Relaxed);
                }
            })
        };
        let attackers = (0..attack.attackers).map(attacker).collect();
        Ok(Self {
            over,
            tries,
            attackers,
        })
    }

    /// Ends it; how many tries there were.
    pub(super) fn end(self) -> u64 {
        self.over.store(true, Ordering::Relaxed);
        for attacker in self.attackers {
            let _ = attacker.join();
        }
        self.tries.load(Ordering::Relaxed)
    }
}

fn connect(addr: SocketAddr) -> std::io::Result<TcpStream> {
    let stream = TcpStream::connect(addr)?;
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    stream.set_write_timeout(Some(Duration::from_secs(5)))?;
    Ok(stream)
}

/// Sends a request that is to be closed after its answer, and reads that.
fn exchange(addr: SocketAddr, bytes: &[u8]) -> std::io::Result<()> {
    let mut stream = connect(addr)?;
    // The server may answer and close before it has all.
    let _ = stream.write_all(bytes);
    let _ = stream.read_to_end(&mut Vec::new());
    Ok(())
}

fn post(path: &str, more: &str) -> String {
    format!(
        "POST {path} HTTP/1.1\r\nhost: bench.example\r\nconnection: close\r\n\
         x-systemprompt-token: bench-0123456789abcdef\r\n{more}\r\n"
    )
}

const MESSAGES: &str = "/anthropic/v1/messages";

/// Holds connections, and sends one more byte on each every second.
fn drip(
    addr: SocketAddr,
    over: &AtomicBool,
    n: usize,
    begin: &str,
    byte: &[u8],
) -> std::io::Result<()> {
    let mut held = Vec::new();
    for _ in 0..n {
        let mut stream = connect(addr)?;
        stream.write_all(begin.as_bytes())?;
        held.push(stream);
    }
    while !over.load(Ordering::Relaxed) {
        thread::sleep(Duration::from_millis(500));
        held.retain_mut(|stream| byte.is_empty() || stream.write_all(byte).is_ok());
        if held.is_empty() {
            break;
        }
    }
    Ok(())
}

fn idle(addr: SocketAddr, over: &AtomicBool) -> std::io::Result<()> {
    drip(addr, over, 500, "", b"")
}

fn slow_heads(addr: SocketAddr, over: &AtomicBool) -> std::io::Result<()> {
    drip(addr, over, 300, "GET / HTTP/1.1\r\nx-slow: ", b"a")
}

fn slow_bodies(addr: SocketAddr, over: &AtomicBool) -> std::io::Result<()> {
    let head = post(MESSAGES, "content-length: 100000\r\n");
    drip(addr, over, 300, &head, b"{")
}

fn huge(addr: SocketAddr, over: &AtomicBool) -> std::io::Result<()> {
    let mut stream = connect(addr)?;
    stream.write_all(post(MESSAGES, "transfer-encoding: chunked\r\n").as_bytes())?;
    let mut chunk = format!("{MIB:x}\r\n").into_bytes();
    chunk.resize(chunk.len() + MIB, b'x');
    chunk.extend(b"\r\n");
    for _ in 0..200 {
        if over.load(Ordering::Relaxed) {
            break;
        }
        stream.write_all(&chunk)?;
    }
    Ok(())
}

fn deep(addr: SocketAddr, _: &AtomicBool) -> std::io::Result<()> {
    let body = "[".repeat(1_000_000);
    let head = post(
        "/api/v1/events",
        &format!("content-length: {}\r\n", body.len()),
    );
    exchange(addr, (head + &body).as_bytes())
}

fn malformed(addr: SocketAddr, _: &AtomicBool) -> std::io::Result<()> {
    for more in [
        "content-length: 5\r\ncontent-length: 6\r\n",
        "content-length: 4\r\ntransfer-encoding: chunked\r\n",
        "transfer-encoding: xchunked\r\n",
        "x: a\r\n b\r\n",
        "x: a\0b\r\n",
    ] {
        exchange(
            addr,
            (post("/nothing", more) + "0\r\n\r\nGET / HTTP/1.1\r\n\r\n").as_bytes(),
        )?;
    }
    Ok(())
}

fn wrong_tokens(addr: SocketAddr, _: &AtomicBool) -> std::io::Result<()> {
    let request = "GET /api/v1/analytics/overview HTTP/1.1\r\nhost: bench.example\r\n\
         connection: close\r\nauthorization: Bearer nobody-0123456789abcdef\r\n\r\n";
    exchange(addr, request.as_bytes())
}

/// Another name from another network each time, so that nothing slows it down but
/// the work itself.
fn spray(addr: SocketAddr, _: &AtomicBool) -> std::io::Result<()> {
    static TRIED: AtomicU64 = AtomicU64::new(0);
    let n = TRIED.fetch_add(1, Ordering::Relaxed);
    exchange(addr, login_form(&format!("user{n}"), n).as_bytes())
}

/// A login as a browser behind a proxy sends it, from the `n`th network.
pub(super) fn login_form(name: &str, n: u64) -> String {
    let body = format!("name={name}&password=Summer2026");
    let address = format!("10.{}.{}.7", n / 256 % 256, n % 256);
    format!(
        "POST /admin/login HTTP/1.1\r\nhost: bench.example\r\nconnection: close\r\n\
         sec-fetch-site: same-origin\r\nx-forwarded-for: {address}\r\n\
         content-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
}
