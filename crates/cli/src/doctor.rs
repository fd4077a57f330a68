//! `systemprompt doctor`: what whoever is asked for help would want to know first,
//! each with what to do about it.

mod database;
mod machine;

use clap::{ArgMatches, Command};
use serde::Serialize;
use systemprompt_config::{Config, Credentials};

use crate::Outside;
use crate::command::Globals;
use crate::failure::Failure;
use crate::human::text;

pub(crate) fn command() -> Command {
    Command::new("doctor")
        .about("Check everything that could keep it from working, and say what to do")
        .after_help(
            "Looks at the configuration, the storage folder and its disk, the address it listens on, \
             providers' keys (never shown), PostgreSQL, migrations, spools, clocks and the audit log. \
             Nothing is changed but that the embedded database may be started for the time it takes, and \
             migrated.\n\n\
             Exit codes: 0 all is well, or there is only something to know (warn); 1 something fails.\n\n\
             Example:\n  systemprompt doctor --profile production --json",
        )
        .arg(
            clap::Arg::new("json")
                .long("json")
                .action(clap::ArgAction::SetTrue)
                .help("Answer in JSON")
                .help_heading("Output"),
        )
}

/// How something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
enum Verdict {
    Ok,
    /// It works, and something is to be known.
    Warn,
    /// It does not.
    Fail,
}

/// One thing that was looked at.
#[derive(Debug, Serialize)]
struct Finding {
    check: &'static str,
    verdict: Verdict,
    message: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    advice: Option<String>,
}

/// What was found, in the order in which it was looked at.
#[derive(Debug, Default, Serialize)]
struct Findings {
    checks: Vec<Finding>,
}

impl Findings {
    fn ok(&mut self, check: &'static str, message: impl Into<String>) {
        self.checks.push(Finding {
            check,
            verdict: Verdict::Ok,
            message: message.into(),
            advice: None,
        });
    }

    fn warn(&mut self, check: &'static str, message: impl Into<String>, advice: impl Into<String>) {
        self.checks.push(Finding {
            check,
            verdict: Verdict::Warn,
            message: message.into(),
            advice: Some(advice.into()),
        });
    }

    fn fail(&mut self, check: &'static str, message: impl Into<String>, advice: impl Into<String>) {
        self.checks.push(Finding {
            check,
            verdict: Verdict::Fail,
            message: message.into(),
            advice: Some(advice.into()),
        });
    }

    /// The worst.
    fn verdict(&self) -> Verdict {
        let all = self.checks.iter().map(|finding| finding.verdict);
        all.max().unwrap_or(Verdict::Ok)
    }
}

pub(crate) fn run(
    matches: &ArgMatches,
    globals: &Globals,
    outside: &mut Outside<'_>,
) -> Result<(), Failure> {
    let mut findings = Findings::default();
    if let Some(config) = configuration(globals, &mut findings) {
        machine::look(&config, &mut findings);
        providers(&config, &mut findings);
        database::look(&config, &mut findings, outside);
    }
    if matches.get_flag("json") {
        let told = serde_json::json!({
            "version": env!("CARGO_PKG_VERSION"),
            "verdict": findings.verdict(),
            "checks": findings.checks,
        });
        crate::alerts::write_json(outside, &told)?;
    } else {
        page(&findings, outside)?;
    }
    match findings.verdict() {
        Verdict::Ok | Verdict::Warn => Ok(()),
        Verdict::Fail => Err(Failure::Exit(1)),
    }
}

fn configuration(globals: &Globals, findings: &mut Findings) -> Option<Config> {
    match systemprompt_config::load(&globals.sources()) {
        Ok(config) => {
            let from = match &config.profile_path {
                Some(path) => format!("{} can be used", path.display()),
                None => "there is no profile: the defaults are used".to_owned(),
            };
            findings.ok("configuration", from);
            for warning in &config.warnings {
                let advice = "`systemprompt config show` tells what it comes to";
                findings.warn("configuration", warning.to_string(), advice);
            }
            Some(config)
        }
        Err(error) => {
            let advice = "correct it, then `systemprompt config check`; nothing else was looked at";
            findings.fail("configuration", error.to_string(), advice);
            None
        }
    }
}

/// Whose key goes to each provider. Keys are never shown.
fn providers(config: &Config, findings: &mut Findings) {
    let profile = &config.profile;
    if profile.providers.is_empty() {
        let advice =
            "name one under `providers`, or start where services/ai/providers.yaml is found";
        findings.warn("providers", "there is none to pass requests to", advice);
    }
    for (name, provider) in &profile.providers {
        let says = match &provider.credentials {
            Credentials::Passthrough => "clients send their own key",
            Credentials::Managed { .. } => "its key is here",
        };
        findings.ok(
            "providers",
            format!("{name} ({}): {says}", provider.base_url),
        );
    }
    if !profile.analytics.enabled {
        let advice = "set analytics.enabled: true to record requests";
        findings.warn("analytics", "it is turned off: nothing is recorded", advice);
    }
}

fn page(findings: &Findings, outside: &mut Outside<'_>) -> Result<(), Failure> {
    let look = outside.look;
    for finding in &findings.checks {
        let word = match finding.verdict {
            Verdict::Ok => look.faint("ok  "),
            Verdict::Warn => look.strong("warn"),
            Verdict::Fail => look.alarming("fail"),
        };
        let mut lines = finding.message.lines();
        let first = text::clean(lines.next().unwrap_or_default());
        writeln!(outside.out, "{word}  {:<14}  {first}", finding.check)?;
        let more = lines.map(str::to_owned).chain(finding.advice.clone());
        for line in more {
            writeln!(outside.out, "{:22}{}", "", text::clean(&line))?;
        }
    }
    let count = |verdict| {
        let of = |finding: &&Finding| finding.verdict == verdict;
        findings.checks.iter().filter(of).count()
    };
    let (ok, warn, fail) = (
        count(Verdict::Ok),
        count(Verdict::Warn),
        count(Verdict::Fail),
    );
    writeln!(outside.out, "\n{ok} ok, {warn} to know, {fail} failed")?;
    Ok(())
}
