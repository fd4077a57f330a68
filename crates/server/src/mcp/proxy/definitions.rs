//! What tools were said to be, so that a list that says nothing new costs nothing.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use systemprompt_domain::tool::ToolDefinition;

/// A definition that is still in force is told again after this time, so that the
/// database knows that it is.
const AGAIN: Duration = Duration::from_secs(15 * 60);
/// Tools that are remembered; of more, each list is told.
const REMEMBERED: usize = 10_000;

/// The definitions that were told, by server and tool.
#[derive(Debug, Default)]
pub(super) struct Definitions(Mutex<HashMap<(String, String), (String, Instant)>>);

impl Definitions {
    /// Those of a list that have to be told.
    pub(super) fn news(
        &self,
        server: &str,
        tools: Vec<ToolDefinition>,
        now: Instant,
    ) -> Vec<ToolDefinition> {
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut news = tools;
        news.retain(|tool| {
            let key = (server.to_owned(), tool.name.clone());
            let known = told.get(&key).is_some_and(|(hash, at)| {
                *hash == tool.hash && now.saturating_duration_since(*at) < AGAIN
            });
            if !known && (told.len() < REMEMBERED || told.contains_key(&key)) {
                told.insert(key, (tool.hash.clone(), now));
            }
            !known
        });
        news
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_known_is_not_told_again_for_a_while() {
        let definitions = Definitions::default();
        let tool = |hash: &str| ToolDefinition {
            name: "search".to_owned(),
            hash: hash.to_owned(),
        };
        let now = Instant::now();
        let news = |hash: &str, at| definitions.news("docs", vec![tool(hash)], at).len();
        assert_eq!((news("a", now), news("a", now)), (1, 0));
        assert_eq!((news("b", now), news("a", now)), (1, 1));
        assert_eq!(news("a", now + AGAIN), 1);
        assert_eq!(definitions.news("other", vec![tool("a")], now).len(), 1);
    }
}
