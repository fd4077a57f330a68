//! A server to look at: `--demo` fills a storage folder of its own with ninety days
//! that never happened, through the writer that stores what does happen.
//!
//! The folder has its own database, spool and profile, so nothing made up ever
//! lies beside what is real; removing it removes all of it.

mod activity;
mod cast;
mod requests;
mod site;
mod tools;
mod visits;

use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context as _, bail};
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use systemprompt_capture::Spool;
use systemprompt_domain::Clock;
use systemprompt_pricing::Catalogue;
use systemprompt_storage::embedded::remove_outside;
use systemprompt_storage::events::Events;
use systemprompt_storage::web::Judge;
use systemprompt_storage::web::close::close;
use systemprompt_storage::web::content::aggregate;
use systemprompt_storage::{Storage, Writer};
use time::{Date, Duration, OffsetDateTime, Time, UtcOffset};

/// How far back the figures go, today included. Detail is kept for ninety days.
const DAYS: i64 = 90;
/// The folder below the storage folder.
const FOLDER: &str = "demo";
/// Says that a folder is a demonstration, and whether it is whole.
const MARKER: &str = "DEMONSTRATION";
const BEGUN: &str = "begun\n";
const FILLED: &str = "filled\n";

/// Budgets that are worth looking at.
const PROFILE: &str = "\
# The profile of a demonstration: everything in this folder is made up.
# `systemprompt-server --remove-demo` removes it.
server:
  storage: STORAGE
analytics:
  alerts:
    - {name: everything-daily, type: daily_cost, threshold: 25.00, action: pause_requests, notify_at: [0.8, 1.0]}
    - {name: everything-monthly, type: monthly_cost, threshold: 520.00, action: pause_requests, notify_at: [0.5, 0.8, 1.0]}
    - {name: evals-monthly, type: monthly_cost, threshold: 1.25, action: pause_requests, scope: {agent: nightly-evals}}
    - {name: review-weekly, type: weekly_cost, threshold: 85.00, action: pause_requests, scope: {agent: code-review}}
";

/// A demonstration's folder.
#[derive(Clone, Debug)]
pub(crate) struct Demo {
    folder: PathBuf,
}

impl Demo {
    /// The demonstration of a storage folder.
    pub(crate) fn below(storage: &Path) -> Self {
        Self {
            folder: storage.join(FOLDER),
        }
    }

    /// Whether a storage folder is one.
    pub(crate) fn is(storage: &Path) -> bool {
        storage.join(MARKER).is_file()
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    pub(crate) fn profile(&self) -> PathBuf {
        self.folder.join("profile.yaml")
    }

    /// Makes the folder, or finds it as it was left. What was not finished is begun
    /// anew.
    pub(crate) fn prepare(&self) -> anyhow::Result<()> {
        let state = std::fs::read_to_string(self.folder.join(MARKER)).ok();
        if state.as_deref() == Some(FILLED) {
            return Ok(());
        }
        if state.is_some() {
            self.remove()?;
        } else if self.folder.exists() {
            bail!(
                "{} is there already and is no demonstration; choose another folder with --storage",
                self.folder.display()
            );
        }
        let cannot = || format!("cannot make the folder {}", self.folder.display());
        std::fs::create_dir_all(&self.folder).with_context(cannot)?;
        std::fs::write(self.folder.join(MARKER), BEGUN).with_context(cannot)?;
        let whole = std::path::absolute(&self.folder).with_context(cannot)?;
        // JSON's texts are YAML's as well.
        let whole = serde_json::to_string(&whole.to_string_lossy())?;
        std::fs::write(self.profile(), PROFILE.replace("STORAGE", &whole)).with_context(cannot)?;
        Ok(())
    }

    /// Removes everything that was made up. `false` if there was nothing.
    pub(crate) fn remove(&self) -> anyhow::Result<bool> {
        if !self.folder.exists() {
            return Ok(false);
        }
        if !Self::is(&self.folder) {
            bail!("{} is no demonstration", self.folder.display());
        }
        // What lies elsewhere first: the folder says whose it is.
        let removed = remove_outside(&self.folder);
        let removed = removed.and_then(|()| std::fs::remove_dir_all(&self.folder));
        removed.with_context(|| {
            format!(
                "cannot remove {}; does its server still run?",
                self.folder.display()
            )
        })?;
        Ok(true)
    }
}

/// Fills a demonstration that is empty.
pub(crate) async fn fill(
    storage: &Storage,
    folder: &Path,
    spool: &Spool,
    writer: &mut Writer,
    catalogue: &Catalogue,
) -> anyhow::Result<()> {
    let state = std::fs::read_to_string(folder.join(MARKER)).unwrap_or_default();
    if state != BEGUN {
        return Ok(());
    }
    let began = Instant::now();
    let now = OffsetDateTime::now_utc();
    tracing::info!("making up {DAYS} days of figures; this takes half a minute");
    let events = Events::new(storage.control_pool(), Clock::System);
    let (pool, judge) = (storage.control_pool(), Judge::built_in());
    let mut random = StdRng::seed_from_u64(20_261_129);
    let mut count = 0;
    for day in days(now) {
        let mut recorded = requests::day(&mut random, catalogue, day, now);
        recorded.append(&mut visits::day(&mut random, day, now));
        for event in &recorded {
            let payload = serde_json::to_vec(event).expect("events hold only what JSON can say");
            spool.append(&payload, false);
        }
        count += recorded.len();
        spool.flush().await;
        writer.drain().await?;
        // As it looks then: who visits in the last minutes is still there.
        let tomorrow = moment(day, 24.0).min(now);
        close(&pool, &judge, tomorrow).await?;
        let reported = activity::day(&mut random, day, now);
        let reported: Vec<_> = reported.iter().collect();
        for batch in reported.chunks(1_000) {
            events
                .store(batch)
                .await
                .context("cannot store what was made up")?;
        }
        count += reported.len();
    }
    aggregate(&pool, judge.rules(), now, true).await?;
    std::fs::write(folder.join(MARKER), FILLED)?;
    let took = began.elapsed().as_secs_f64();
    tracing::info!("made up {count} events in {took:.1} s");
    Ok(())
}

/// The days to fill, today last.
fn days(now: OffsetDateTime) -> impl Iterator<Item = Date> {
    let today = now.to_offset(UtcOffset::UTC).date();
    (0..DAYS)
        .rev()
        .filter_map(move |ago| today.checked_sub(Duration::days(ago)))
}

/// A moment of a day, in hours since its beginning.
fn moment(day: Date, hour: f64) -> OffsetDateTime {
    let at = day.with_time(Time::MIDNIGHT).assume_utc() + Duration::seconds_f64(hour * 3_600.0);
    // As ids have it.
    let millis = at.unix_timestamp_nanos().div_euclid(1_000_000);
    OffsetDateTime::from_unix_timestamp_nanos(millis * 1_000_000).unwrap_or(at)
}

/// An id of that moment.
fn id_at(at: OffsetDateTime) -> uuid::Uuid {
    let seconds = u64::try_from(at.unix_timestamp()).unwrap_or_default();
    uuid::Uuid::new_v7(uuid::Timestamp::from_unix(
        uuid::NoContext,
        seconds,
        at.nanosecond(),
    ))
}

#[cfg(test)]
mod tests {
    use systemprompt_domain::Event;
    use systemprompt_domain::tool::ToolStatus;
    use systemprompt_domain::web::WebEvent;

    use super::*;

    #[test]
    fn a_folder_that_is_no_demonstration_is_left_alone() {
        let storage = std::env::temp_dir().join(format!("demo-{}", uuid::Uuid::now_v7()));
        let demo = Demo::below(&storage);
        assert!(!demo.remove().expect("nothing there"));
        std::fs::create_dir_all(demo.folder()).expect("a folder");
        assert!(demo.prepare().is_err() && demo.remove().is_err());
        std::fs::remove_dir(demo.folder()).expect("still empty");
        demo.prepare().expect("made");
        assert!(Demo::is(demo.folder()));
        std::fs::write(demo.folder().join("more"), "").expect("written");
        demo.prepare().expect("begun anew");
        assert!(!demo.folder().join("more").exists());
        assert!(demo.remove().expect("removed") && !demo.folder().exists());
        let _ = std::fs::remove_dir(storage);
    }

    #[test]
    fn what_is_made_up_lies_in_the_past_and_is_priced() {
        let now = OffsetDateTime::now_utc();
        let mut random = StdRng::seed_from_u64(1);
        let catalogue = Catalogue::builtin();
        let (mut priced, mut all, mut calls, mut views) = (0, 0, 0, 0);
        for day in days(now) {
            for event in requests::day(&mut random, catalogue, day, now) {
                if let Event::ToolCalled(call) = &event {
                    assert!(
                        call.finished_at() < now
                            && call.error_type.is_some() == (call.status != ToolStatus::Success)
                    );
                    calls += 1;
                }
                let Event::RequestFinished(end) = event else {
                    continue;
                };
                assert!(end.finished_at <= now && end.context.created_at < end.finished_at);
                assert!(now - end.context.created_at < Duration::days(90));
                all += usize::from(end.usage.tokens.output > 0);
                priced += usize::from(end.cost.is_some());
            }
            for event in visits::day(&mut random, day, now) {
                let Event::Web(visit) = event else {
                    panic!("{event:?} is no visit");
                };
                assert!(visit.at < now && visit.events.len() == 1);
                views += usize::from(matches!(visit.events[0], WebEvent::View(_)));
            }
            for event in activity::day(&mut random, day, now) {
                let stamp = event.source().stamp;
                assert!(stamp.at <= now && stamp.is_in_id());
            }
        }
        assert!(all > 10_000, "{all}");
        assert!(calls > 4_000 && views > 8_000, "{calls} {views}");
        let share = priced as f64 / all as f64;
        assert!(
            (0.97..0.9999).contains(&share),
            "{priced} of {all} are priced"
        );
    }
}
