//! What a failed login tells by its time: names that somebody has and names that
//! nobody has, in turns.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use anyhow::ensure;
use systemprompt_storage::audit;
use systemprompt_storage::users::{self, NewUser, Password, Role, UserName};
use systemprompt_testkit::db::audit_keys_file;
use time::OffsetDateTime;

use super::attacks::login_form;
use super::{Setup, Table};
use crate::bench::report::{count, millis};

/// Networks of their own, apart from those of the attacks.
const FIRST: u64 = 40_000;

pub(super) async fn measure(setup: &Setup, logins: usize) -> anyhow::Result<Table> {
    let name: UserName = "known".parse()?;
    let hash = Password::new("correct horse battery".to_owned(), &name)?.hash();
    let new = NewUser {
        name: &name,
        role: Role::Viewer,
        password_hash: Some(&hash),
    };
    // That there is a new user is an audit event, for which the server's keys are needed.
    audit::open(setup.pool(), &audit_keys_file()).await?;
    users::create(setup.pool(), new, "bench", OffsetDateTime::now_utc()).await?;
    let addr = setup.server()?;
    let (mut known, mut unknown) = (Vec::new(), Vec::new());
    for n in 0..logins as u64 {
        known.push(attempt(addr, "known", FIRST + 2 * n)?);
        unknown.push(attempt(addr, "nobody", FIRST + 2 * n + 1)?);
    }
    let mut table = Table::new(
        "Failed logins: ms from the form to the answer",
        &["name", "logins", "median", "p95", "worst"],
    );
    for (name, mut times) in [("somebody has it", known), ("nobody has it", unknown)] {
        times.sort_unstable();
        let at = |q: usize| {
            millis(
                times
                    .get(times.len() * q / 100)
                    .copied()
                    .unwrap_or_default(),
            )
        };
        let worst = millis(times.last().copied().unwrap_or_default());
        #[allow(clippy::cast_precision_loss)] // a few hundred
        let n = count(times.len() as f64);
        table.row([name.to_owned(), n, at(50), at(95), worst]);
    }
    Ok(table)
}

/// One failed login.
fn attempt(addr: SocketAddr, name: &str, n: u64) -> anyhow::Result<Duration> {
    let mut stream = TcpStream::connect(addr)?;
    let form = login_form(name, n);
    let begun = Instant::now();
    stream.write_all(form.as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let took = begun.elapsed();
    ensure!(
        answer.starts_with("HTTP/1.1 401"),
        "a login was answered with {answer:.60}"
    );
    Ok(took)
}
