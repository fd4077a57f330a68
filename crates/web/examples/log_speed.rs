//! How fast an access log becomes sessions with their classes, on one core:
//! `cargo run --release -p systemprompt-web --example log_speed -- FILE`.
#![allow(clippy::print_stdout)] // the figures are what it is for

use std::time::Instant;

use systemprompt_web::{Arrival, Rules, Salt, Visits, log};

/// What is wanted, in lines a second.
const WANTED: f64 = 50_000.0;
/// The log is read over and over until so many lines have passed.
const LINES: usize = 500_000;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let file = std::env::args().nth(1).ok_or("name an access log")?;
    let text = std::fs::read_to_string(file)?;
    let lines = text.lines().count();
    if lines == 0 {
        return Err("the log is empty".into());
    }
    let start = Instant::now();
    let rules = Rules::built_in();
    println!("rules   {:>9.1} ms", start.elapsed().as_secs_f64() * 1e3);

    let rounds = LINES.div_ceil(lines);
    let start = Instant::now();
    let parsed: usize = (0..rounds)
        .map(|_| text.lines().filter(|line| log::parse(line).is_ok()).count())
        .sum();
    rate("parse", rounds * lines, start);

    let start = Instant::now();
    let mut sessions = 0;
    for round in 0..rounds {
        let salt = Salt::new([u8::try_from(round % 256)?; 32]);
        let mut visits = Visits::new(rules, salt, "example.com");
        for hit in text.lines().filter_map(|line| log::parse(line).ok()) {
            visits.add(&hit);
        }
        for (visit, _) in visits.finish() {
            // What a stored session holds beside its class.
            std::hint::black_box(rules.agent(&visit.agent));
            std::hint::black_box(rules.attribute(&Arrival {
                url: visit.landing_target.as_deref().unwrap_or("/"),
                referrer: visit.referrer.as_deref(),
                own_hosts: &[],
            }));
            sessions += 1;
        }
    }
    let reached = rate("all", rounds * lines, start);
    println!(
        "{parsed} hits of {} lines, {sessions} sessions",
        rounds * lines
    );
    println!(
        "{:.1} times the {WANTED:.0} lines/s wanted",
        reached / WANTED
    );
    Ok(())
}

/// Prints and returns lines a second.
fn rate(what: &str, lines: usize, start: Instant) -> f64 {
    let rate = lines as f64 / start.elapsed().as_secs_f64();
    println!("{what:<7} {rate:>9.0} lines/s");
    rate
}
