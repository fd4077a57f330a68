//! Budgets as the profile states them: whose requests count, how long, up to
//! what amount.

use rust_decimal::Decimal;
use systemprompt_config::{Action, Alert, AlertScope, AlertType, Reserve};
use systemprompt_domain::Nanos;
use systemprompt_domain::event::{RequestContext, RequestFinished};
use systemprompt_domain::period::{Interval, Step, Zone};
use time::OffsetDateTime;

/// A limit on what requests may cost in a period. Made from an alert on costs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// The alert's name.
    pub name: String,
    /// What the alert watches, as the profile calls it.
    pub kind: AlertType,
    /// Whose requests count; everybody's if `None`.
    pub scope: Option<AlertScope>,
    /// What may be spent in a period.
    pub limit: Nanos,
    /// How long a period is.
    pub step: Step,
    /// Where its days begin.
    pub zone: Zone,
    /// The parts of the limit at which somebody is told.
    pub notify_at: Vec<Decimal>,
    /// Who is told, and whether requests are paused.
    pub actions: Vec<Action>,
    /// How requests are estimated.
    pub reserve: Reserve,
}

/// What a scope is compared with.
#[derive(Clone, Copy, Debug, Default)]
pub struct Subject<'a> {
    /// The provider's name in the configuration.
    pub provider: &'a str,
    /// The model that was asked for.
    pub requested_model: Option<&'a str>,
    /// The model that answered.
    pub served_model: Option<&'a str>,
    /// The agent.
    pub agent: Option<&'a str>,
    /// The user.
    pub user: Option<&'a str>,
}

impl<'a> From<&'a RequestContext> for Subject<'a> {
    fn from(context: &'a RequestContext) -> Self {
        Self {
            provider: &context.provider,
            requested_model: context.requested_model.as_deref(),
            served_model: None,
            agent: context.agent.as_deref(),
            user: context.user.as_deref(),
        }
    }
}

impl<'a> From<&'a RequestFinished> for Subject<'a> {
    fn from(finished: &'a RequestFinished) -> Self {
        Self {
            served_model: finished.served_model.as_deref(),
            ..Self::from(&finished.context)
        }
    }
}

impl Rule {
    /// The rule an alert states; `None` if it does not watch costs.
    ///
    /// An alert that was checked has a time zone that exists and a threshold
    /// that is an amount; where that does not hold, it is no rule either.
    #[must_use]
    pub fn from_alert(alert: &Alert) -> Option<Self> {
        let step = match alert.kind {
            AlertType::HourlyCost => Step::Hour,
            AlertType::DailyCost => Step::Day,
            AlertType::WeeklyCost => Step::Week,
            AlertType::MonthlyCost => Step::Month,
            AlertType::ErrorRate | AlertType::LatencyP95 | AlertType::UnpricedRequests => {
                return None;
            }
        };
        Some(Self {
            name: alert.name(),
            kind: alert.kind,
            scope: alert.scope.clone(),
            limit: Nanos::from_usd(alert.threshold)?,
            step,
            zone: alert.timezone.parse().ok()?,
            notify_at: alert.notify_at.clone(),
            actions: alert.action.clone(),
            reserve: alert.reserve,
        })
    }

    /// Whether requests are refused when the limit is reached.
    #[must_use]
    pub fn pauses(&self) -> bool {
        self.actions.contains(&Action::PauseRequests)
    }

    /// Whether the same requests count for both in the same periods, and as much is
    /// set aside for each: only the limit and who is told may differ.
    #[must_use]
    pub fn counts_like(&self, other: &Self) -> bool {
        (&self.name, &self.scope, self.step, &self.zone)
            == (&other.name, &other.scope, other.step, &other.zone)
            && (self.reserve, self.pauses()) == (other.reserve, other.pauses())
    }

    /// Whether a request counts. A model counts under the name it was asked for
    /// and under the one that answered.
    #[must_use]
    pub fn applies(&self, subject: Subject<'_>) -> bool {
        match &self.scope {
            None => true,
            Some(AlertScope::Agent(name)) => subject.agent == Some(name),
            Some(AlertScope::User(name)) => subject.user == Some(name),
            Some(AlertScope::Provider(name)) => subject.provider == name,
            Some(AlertScope::Model(name)) => {
                subject.requested_model == Some(name) || subject.served_model == Some(name)
            }
        }
    }

    /// What it has set aside for a request that is under way.
    #[must_use]
    pub fn reserved(&self, context: &RequestContext) -> Nanos {
        if !self.pauses() || !self.applies(Subject::from(context)) {
            return Nanos::ZERO;
        }
        match self.reserve {
            Reserve::Typical => context.reserved.typical,
            Reserve::WorstCase => context.reserved.worst_case,
        }
    }

    /// The period a moment belongs to; a request belongs to the one it began
    /// in. `None` where the calendar ends.
    #[must_use]
    pub fn period(&self, at: OffsetDateTime) -> Option<Interval> {
        self.step.around(at, &self.zone)
    }

    /// A part of the limit, rounded up: reached means nothing is missing.
    #[must_use]
    pub fn share(&self, share: Decimal) -> Nanos {
        let part = (Decimal::from(self.limit.0) * share).ceil();
        i64::try_from(part).map_or(Nanos(i64::MAX), Nanos)
    }
}

/// The budgets of a profile.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rules(Vec<Rule>);

impl Rules {
    /// The alerts that watch costs.
    #[must_use]
    pub fn new(alerts: &[Alert]) -> Self {
        Self(alerts.iter().filter_map(Rule::from_alert).collect())
    }

    /// Every budget, in the profile's order.
    pub fn iter(&self) -> impl Iterator<Item = &Rule> {
        self.0.iter()
    }
}
