//! Rules as the profile's alerts state them.

use rust_decimal::Decimal;
use systemprompt_budgets::{Rule, Rules, Subject};
use systemprompt_config::{Action, Alert, AlertScope, AlertType, Reserve};
use systemprompt_domain::Nanos;
use time::Duration;
use time::macros::datetime;

fn alert(kind: AlertType) -> Alert {
    Alert {
        kind,
        threshold: Decimal::from(100),
        action: vec![Action::PauseRequests],
        scope: None,
        notify_at: vec![Decimal::new(8, 1), Decimal::ONE],
        timezone: "UTC".to_owned(),
        reserve: Reserve::Typical,
        name: None,
    }
}

#[test]
fn only_costs_are_budgets() {
    let kinds = [
        (AlertType::HourlyCost, true),
        (AlertType::DailyCost, true),
        (AlertType::WeeklyCost, true),
        (AlertType::MonthlyCost, true),
        (AlertType::ErrorRate, false),
        (AlertType::LatencyP95, false),
        (AlertType::UnpricedRequests, false),
    ];
    for (kind, is_budget) in kinds {
        assert_eq!(
            Rule::from_alert(&alert(kind)).is_some(),
            is_budget,
            "{kind:?}"
        );
    }
    let rules = Rules::new(&[alert(AlertType::ErrorRate), alert(AlertType::DailyCost)]);
    let rules: Vec<_> = rules.iter().collect();
    assert_eq!(rules.len(), 1);
    assert!(rules[0].name == "daily_cost" && rules[0].pauses());
}

#[test]
fn a_scope_is_one_name_in_one_place() {
    let subject = Subject {
        provider: "openai",
        requested_model: Some("gpt-4o"),
        served_model: Some("gpt-4o-2024-08-06"),
        agent: Some("scout"),
        user: None,
    };
    let scopes = [
        (None, true),
        (Some(AlertScope::Agent("scout".into())), true),
        (Some(AlertScope::Agent("Scout".into())), false),
        (Some(AlertScope::User("scout".into())), false),
        (Some(AlertScope::Model("gpt-4o".into())), true),
        (Some(AlertScope::Model("gpt-4o-2024-08-06".into())), true),
        (Some(AlertScope::Model("gpt-4".into())), false),
        (Some(AlertScope::Provider("openai".into())), true),
        (Some(AlertScope::Provider("gemini".into())), false),
    ];
    for (scope, applies) in scopes {
        let rule = Rule::from_alert(&Alert {
            scope: scope.clone(),
            ..alert(AlertType::DailyCost)
        });
        assert_eq!(rule.unwrap().applies(subject), applies, "{scope:?}");
    }
}

#[test]
fn periods_follow_the_clock_on_the_wall() {
    let zoned = |zone: &str| Alert {
        timezone: zone.to_owned(),
        ..alert(AlertType::DailyCost)
    };
    let at = datetime!(2026-10-25 12:00 UTC);
    let berlin = Rule::from_alert(&zoned("Europe/Berlin"))
        .unwrap()
        .period(at)
        .unwrap();
    assert_eq!(berlin.since, datetime!(2026-10-24 22:00 UTC));
    assert_eq!(berlin.duration(), Duration::hours(25), "the clocks go back");
    let kolkata = Rule::from_alert(&zoned("Asia/Kolkata"))
        .unwrap()
        .period(at)
        .unwrap();
    assert_eq!(kolkata.since, datetime!(2026-10-24 18:30 UTC));
}

#[test]
fn a_share_is_reached_when_nothing_is_missing() {
    let rule = Rule {
        limit: Nanos(3),
        ..Rule::from_alert(&alert(AlertType::DailyCost)).unwrap()
    };
    assert_eq!(rule.share(Decimal::new(5, 1)), Nanos(2));
    assert_eq!(rule.share(Decimal::ONE), Nanos(3));
}
