//! What of the profile answers depend on.

use systemprompt_config::{Alert, Analytics};
use systemprompt_domain::Sampling;

use crate::currency::Currency;

/// What of the profile answers depend on. Every front end makes it from the
/// same section, so that all answer alike.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// What amounts are shown in.
    pub currency: Currency,
    /// Which requests keep their detail.
    pub sampling: Sampling,
    /// What is watched, budgets among it.
    pub alerts: Vec<Alert>,
}

impl From<&Analytics> for Settings {
    fn from(analytics: &Analytics) -> Self {
        Self {
            currency: Currency::of(&analytics.costs),
            sampling: Sampling::new(analytics.sampling_rate),
            alerts: analytics.alerts.clone(),
        }
    }
}
