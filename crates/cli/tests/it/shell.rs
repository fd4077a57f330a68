//! Runs command lines inside the test, with streams and a clock of its own.

use std::ffi::OsString;

use systemprompt_cli::{Look, Outside, run};
use systemprompt_domain::Clock;
use time::OffsetDateTime;
use time::macros::datetime;

/// The now of every test.
pub(crate) const NOW: OffsetDateTime = datetime!(2026-11-25 10:07:30 UTC);

/// What a command line came to.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) code: u8,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// Runs `systemprompt` with these arguments.
pub(crate) fn systemprompt<'a>(args: impl IntoIterator<Item = &'a str>) -> Run {
    let args = std::iter::once("systemprompt")
        .chain(args)
        .map(OsString::from);
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let mut outside = Outside {
        out: &mut out,
        err: &mut err,
        look: Look::default(),
        live: false,
        clock: Clock::Fixed(NOW),
    };
    let code = run(args, &mut outside);
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    Run {
        code,
        out: text(out),
        err: text(err),
    }
}

/// Runs a command line without any quoting.
pub(crate) fn line(line: &str) -> Run {
    systemprompt(line.split_whitespace())
}
