//! Jobs: their file, the layers over it, and what is wrong with them.

use std::time::Duration;

use systemprompt_config::{Missed, Scheduler, ToChannel};

use super::Installation;

const FILE: &str = "services/scheduler/config.yaml";

#[test]
fn the_file_that_comes_with_the_program_is_the_default() {
    let built_in = Scheduler::default();
    let loaded = Installation::new("").config().profile.scheduler;
    let text = |scheduler: &Scheduler| serde_json::to_string(scheduler).expect("plain data");
    assert_eq!(text(&built_in), text(&loaded));
    assert_eq!(built_in.lease, Duration::from_secs(60));
    let report = built_in.jobs.daily_traffic_report;
    assert_eq!(report.schedule.to_string(), "0 0 6 * * *");
    assert_eq!(report.parameters.channels, [ToChannel::Discord]);
}

#[test]
fn layers_override_single_keys() {
    let installation = Installation::new(
        "scheduler:\n  timezone: Europe/Berlin\n  jobs:\n    retention: {missed: skip}\n",
    )
    .write(
        FILE,
        "scheduler:\n  jobs:\n    retention: {missed: all, enabled: false}\n    rollup_check:\n      parameters: {days: 3}\n",
    )
    .set("scheduler.jobs.price_check.parameters.source=prices.yaml")
    .set("scheduler.jobs.daily_traffic_report.schedule=0 7 * * *");
    let scheduler = installation.config().profile.scheduler;
    assert_eq!(scheduler.timezone.to_string(), "Europe/Berlin");
    let jobs = scheduler.jobs;
    assert_eq!(jobs.retention.missed, Missed::Skip);
    assert!(!jobs.retention.enabled && jobs.partitions.enabled);
    assert_eq!(jobs.rollup_check.parameters.days, 3);
    assert_eq!(jobs.price_check.parameters.source, "prices.yaml");
    assert_eq!(jobs.daily_traffic_report.schedule.to_string(), "0 7 * * *");
}

#[test]
fn what_is_wrong_with_the_file_names_its_line() {
    let refused = |text: &str, message: &str| {
        let error = Installation::new("").write(FILE, text).error();
        assert!(error.starts_with(&format!("{FILE}:{message}")), "{error}");
    };
    refused(
        "scheduler:\n  jobs:\n    retentoin: {enabled: false}\n",
        "3: unknown key scheduler.jobs.retentoin; did you mean retention?",
    );
    refused(
        "scheduler:\n  jobs:\n    rollup_check:\n      parameters: {day: 3}\n",
        "4: unknown key scheduler.jobs.rollup_check.parameters.day; did you mean days?",
    );
    refused(
        "scheduler:\n  jobs:\n    retention:\n      parameters: {days: 3}\n",
        "4: unknown key scheduler.jobs.retention.parameters.days; there are none here",
    );
    refused(
        "scheduler:\n  jobs:\n    retention:\n      schedule: 0 25 * * *\n",
        "4: scheduler.jobs.retention.schedule: `0 25 * * *` is no schedule: ",
    );
    refused(
        "scheduler:\n  timezone: Berlin\n",
        "2: scheduler.timezone: unknown time zone \"Berlin\"",
    );
    refused(
        "scheduler:\n  jobs:\n    alerts:\n      missed: never\n",
        "4: scheduler.jobs.alerts.missed must be one of all, last, skip, not `never`",
    );
    refused(
        "scheduler:\n  lease: 1s\n",
        "2: scheduler.lease must be at least 3s",
    );
    refused(
        "jobs: {}\n",
        "1: unknown key jobs; the only key here is scheduler",
    );
    let error = Installation::new("")
        .set("scheduler.jobs.retention.schedule=0 0 30 2 *")
        .error();
    assert!(error.contains("such a time never comes"), "{error}");
}
