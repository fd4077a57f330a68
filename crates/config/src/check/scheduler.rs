//! The ranges of `scheduler`.

use std::time::Duration;

use super::Checks;
use crate::path::{KeyPath, key_path};
use crate::scheduler::{Job, Scheduler};

/// Signs of life are a third of a lease apart, and a round trip may take a while.
const SHORTEST_LEASE: Duration = Duration::from_secs(3);

impl Checks<'_> {
    pub(super) fn scheduler(&mut self, scheduler: &Scheduler) {
        let path = key_path!["scheduler"];
        if scheduler.lease < SHORTEST_LEASE {
            self.refuse(&path.join("lease"), "must be at least 3s");
        }
        if scheduler.history < Duration::from_secs(3_600) {
            self.refuse(&path.join("history"), "must be at least 1h");
        }
        let path = path.join("jobs");
        let jobs = &scheduler.jobs;
        self.job(&path.join("retention"), &jobs.retention);
        self.job(&path.join("partitions"), &jobs.partitions);
        self.job(&path.join("alerts"), &jobs.alerts);
        self.job(&path.join("price_check"), &jobs.price_check);
        self.job(&path.join("rollup_check"), &jobs.rollup_check);
        self.job(&path.join("session_closing"), &jobs.session_closing);
        self.job(
            &path.join("content_analytics_aggregation"),
            &jobs.content_analytics_aggregation,
        );
        self.job(&path.join("reclassify_sessions"), &jobs.reclassify_sessions);
        self.job(
            &path.join("daily_traffic_report"),
            &jobs.daily_traffic_report,
        );
        let source = &jobs.price_check.parameters.source;
        if source.contains("://") {
            let path = path.join("price_check").join("parameters").join("source");
            self.url(&path, source, &["http", "https"]);
        }
        let days = jobs.rollup_check.parameters.days;
        if !(1..=3_650).contains(&days) {
            let path = path.join("rollup_check").join("parameters").join("days");
            self.refuse(&path, "must be 1 to 3650");
        }
        let rows = jobs.daily_traffic_report.parameters.rows;
        if !(1..=100).contains(&rows) {
            let path = path.join("daily_traffic_report").join("parameters");
            self.refuse(&path.join("rows"), "must be 1 to 100");
        }
    }

    fn job<P: Default>(&mut self, path: &KeyPath, job: &Job<P>) {
        if !(1..=20).contains(&job.attempts) {
            self.refuse(&path.join("attempts"), "must be 1 to 20");
        }
        if job.timeout.is_zero() {
            self.refuse(&path.join("timeout"), "must be above 0");
        }
    }
}
