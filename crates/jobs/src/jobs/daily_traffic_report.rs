//! `daily_traffic_report`: what happened yesterday, as files and as a summary.

use anyhow::Context as _;
use serde_json::json;
use systemprompt_config as config;
use systemprompt_config::{Jobs, TrafficReport as Parameters};
use systemprompt_notify::Notice;
use systemprompt_reporting::report::{Day, Report};
use uuid::Uuid;

use super::notify;
use crate::files::{REPORTS, write_atomically};
use crate::job::{Done, Job, Work};

/// For those who do not look at a dashboard every day. The slot says which day: the
/// one before it on the clocks of the schedule, so a run that is made up days later
/// is about the same day.
pub(crate) struct DailyTrafficReport;

impl Job for DailyTrafficReport {
    const NAME: &'static str = "daily_traffic_report";
    const ABOUT: &'static str = "Writes the report about the day before, and sends a summary";
    type Parameters = Parameters;

    fn settings(jobs: &Jobs) -> &config::Job<Parameters> {
        &jobs.daily_traffic_report
    }

    async fn run(work: &Work, parameters: &Parameters) -> anyhow::Result<Done> {
        if !work.world.config.profile.analytics.enabled {
            return Ok(Done::new(0, "analytics is off: nothing is counted"));
        }
        let scheduler = work.world.scheduler();
        let own = &scheduler.jobs.daily_traffic_report.timezone;
        let zone = own.as_ref().unwrap_or(&scheduler.timezone);
        let day = Day::before(work.run.slot, zone);
        let ctx = work.world.ctx();
        let report = Report::of(&ctx, day, parameters.rows)
            .await
            .context("the report's questions have no answers")?;
        let name = format!("traffic-{}", report.day);
        let folder = work.world.folder(REPORTS);
        // The page first: a report is there when its Markdown is.
        write_atomically(&folder, &format!("{name}.html"), report.html()).await?;
        write_atomically(&folder, &format!("{name}.md"), report.markdown()).await?;
        work.tell(
            "wrote a report",
            json!({ "day": report.day.to_string(), "file": format!("{REPORTS}/{name}.md") }),
        );
        let notice = Notice {
            id: Uuid::nil(),
            at: report.written_at,
            notice: work.run.job.to_owned(),
            title: report.title(),
            summary: format!(
                "{}. The whole report is {REPORTS}/{name}.md in the storage folder.",
                report.period()
            ),
            facts: report.headlines.clone(),
            warning: false,
        };
        let of = report.interval.since;
        let told = notify(work, &parameters.channels, of, &notice).await?;
        let result = [format!("{REPORTS}/{name}.md")].into_iter().chain(told);
        Ok(Done::new(2, result.collect::<Vec<_>>().join("; ")))
    }
}

#[cfg(test)]
mod tests {
    use systemprompt_config::Scheduler;
    use systemprompt_domain::period::Zone;
    use time::macros::datetime;

    use super::*;

    #[test]
    fn each_local_day_is_reported_once() {
        let schedule = Scheduler::default().jobs.daily_traffic_report.schedule;
        for (name, changes) in [
            ("Europe/Berlin", [1_380, 1_500]),
            ("America/New_York", [1_380, 1_500]),
            ("Asia/Kolkata", [1_440, 1_440]),
        ] {
            let zone: Zone = name.parse().expect("a zone");
            let begin = datetime!(2026-01-01 12:00 UTC);
            let slots = std::iter::successors(schedule.next_after(begin, &zone), |slot| {
                schedule.next_after(*slot, &zone)
            });
            let days: Vec<Day> = slots
                .take(365)
                .map(|slot| Day::before(slot, &zone))
                .collect();
            for two in days.windows(2) {
                assert_eq!(two[0].date.next_day(), Some(two[1].date), "{name}");
            }
            let minutes: Vec<i64> = days
                .iter()
                .map(|day| day.interval().expect("a day").duration().whole_minutes())
                .collect();
            let (shortest, longest) = (minutes.iter().min(), minutes.iter().max());
            assert_eq!(
                [shortest, longest],
                [Some(&changes[0]), Some(&changes[1])],
                "{name}"
            );
        }
    }
}
