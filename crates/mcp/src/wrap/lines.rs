//! The lines of both directions: which calls begin, and how they end. Sans-IO.

use std::collections::HashSet;
use std::time::Instant;

use systemprompt_domain::tool::{ToolCalled, ToolStatus, ToolsListed, Via};
use systemprompt_domain::{Event, ToolCallId};
use systemprompt_meters::rpc::{
    Answers, Call, Calls, Client, Ended, Format, Listing, RpcId, Seen, Sent, read_listing,
    read_message,
};
use time::OffsetDateTime;

use super::Wrapped;

/// The longest line of a client that is read. Longer ones pass unread.
const LINE: usize = 16 << 20;
/// The longest list of tools that is read.
const LIST: usize = 4 << 20;
/// Calls under way at once; of more, the oldest count as ended.
const UNDERWAY: usize = 4_096;

/// A call that has begun.
#[derive(Debug)]
struct Pending {
    call: Call,
    id: ToolCallId,
    begun: Instant,
}

/// What is known of both directions.
#[derive(Debug)]
pub(super) struct Lines {
    server: String,
    agent: Option<String>,
    session: Option<String>,
    client: Client,
    calls: Calls<Pending>,
    lists: HashSet<RpcId>,
    /// The client's line so far, and whether it is too long to be read.
    line: Vec<u8>,
    overlong: bool,
    answers: Answers,
    /// Of the server's line: its size so far, when it began, what it ended.
    bytes: u64,
    line_begun: Option<Instant>,
    ended: Vec<(RpcId, Ended, Option<Listing>)>,
    /// The client closed its end.
    client_left: bool,
    /// Definitions that were told, by tool.
    told: std::collections::HashMap<String, String>,
}

impl Lines {
    pub(super) fn new(wrapped: &Wrapped) -> Self {
        Self {
            server: wrapped.server.clone(),
            agent: wrapped.agent.clone(),
            session: wrapped.session.clone(),
            client: Client::default(),
            calls: Calls::new(UNDERWAY),
            lists: HashSet::new(),
            line: Vec::new(),
            overlong: false,
            answers: Answers::new(Format::Lines, LIST),
            bytes: 0,
            line_begun: None,
            ended: Vec::new(),
            client_left: false,
            told: std::collections::HashMap::new(),
        }
    }

    /// Bytes of the client, which are about to reach the server; what there is to
    /// record of them.
    pub(super) fn asked(&mut self, bytes: &[u8]) -> Vec<Event> {
        let mut events = Vec::new();
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            self.overlong |= self.line.len() + piece.len() > LINE;
            if self.overlong {
                self.line = Vec::new();
            } else {
                self.line.extend_from_slice(piece);
            }
            if piece.ends_with(b"\n") {
                if !self.overlong {
                    let line = std::mem::take(&mut self.line);
                    self.message(&line, &mut events);
                    // Its room serves the next line, if it is none of the large ones.
                    self.line = line;
                    self.line.clear();
                    self.line.shrink_to(1 << 20);
                }
                self.overlong = false;
            }
        }
        events
    }

    fn message(&mut self, line: &[u8], events: &mut Vec<Event>) {
        let Ok(message) = read_message(line) else {
            return;
        };
        for sent in message.sent {
            match sent {
                Sent::Call(call) => {
                    let pending = Pending {
                        call: *call,
                        id: ToolCallId::new(),
                        begun: Instant::now(),
                    };
                    let displaced = self.calls.begin(pending.call.id.clone(), pending);
                    let lost = (ToolStatus::Failed, Some("no_answer"), None);
                    events.extend(displaced.map(|call| self.event(call, lost, None, 0)));
                }
                Sent::List(id) => {
                    if self.lists.len() < UNDERWAY {
                        self.lists.insert(id);
                    }
                }
                Sent::Initialize(client) => self.client = client,
                Sent::Cancelled(id) => {
                    let back = (ToolStatus::Cancelled, Some("cancelled"), None);
                    let call = self.calls.end(&id);
                    events.extend(call.map(|call| self.event(call, back, None, 0)));
                }
            }
        }
    }

    /// Bytes of the server, which are about to reach the client; what there is to
    /// record of them.
    pub(super) fn answered(&mut self, bytes: &[u8]) -> Vec<Event> {
        let mut events = Vec::new();
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            self.line_begun.get_or_insert_with(Instant::now);
            self.bytes += piece.len() as u64;
            let (ended, lists) = (&mut self.ended, &mut self.lists);
            self.answers.feed(piece, |answer| {
                let listed = lists.remove(&answer.id);
                let listed = answer.text.filter(|_| listed).and_then(read_listing);
                ended.push((answer.id, answer.ended, listed));
            });
            if piece.ends_with(b"\n") {
                self.end_line(&mut events);
            }
        }
        events
    }

    /// A line of the server is whole: what it answers has ended.
    fn end_line(&mut self, events: &mut Vec<Event>) {
        let begun = self.line_begun.take();
        let bytes = std::mem::take(&mut self.bytes);
        for (id, ended, listed) in std::mem::take(&mut self.ended) {
            if let Some(call) = self.calls.end(&id) {
                events.push(self.event(call, ended.status(), begun, bytes));
            }
            events.extend(listed.and_then(|listed| self.list(listed)));
        }
    }

    /// The server said what its tools are; what of that is new.
    fn list(&mut self, listed: Listing) -> Option<Event> {
        let mut tools = listed.tools;
        tools.retain(|tool| self.told.get(&tool.name) != Some(&tool.hash));
        for tool in &tools {
            self.told.insert(tool.name.clone(), tool.hash.clone());
        }
        (!tools.is_empty()).then(|| {
            Event::ToolsListed(Box::new(ToolsListed {
                at: OffsetDateTime::now_utc(),
                server: self.server.clone(),
                tools,
                user: None,
                agent: self.agent.clone(),
                token: None,
            }))
        })
    }

    /// The client closed its end: what is not answered from now on it has left.
    pub(super) const fn left(&mut self) {
        self.client_left = true;
    }

    /// The server has ended; so have the calls that it did not answer.
    pub(super) fn end(&mut self) -> Vec<Event> {
        let mut events = Vec::new();
        self.end_line(&mut events);
        let end = match self.client_left {
            true => (ToolStatus::Cancelled, Some("client_left"), None),
            false => (ToolStatus::Failed, Some("upstream_eof"), None),
        };
        let left: Vec<_> = self.calls.drain().collect();
        events.extend(
            left.into_iter()
                .map(|call| self.event(call, end.clone(), None, 0)),
        );
        events
    }

    fn event(
        &self,
        pending: Pending,
        (status, error_type, error_code): (ToolStatus, Option<&'static str>, Option<String>),
        line_begun: Option<Instant>,
        response_bytes: u64,
    ) -> Event {
        let Pending {
            mut call,
            id,
            begun,
        } = pending;
        let said = &mut call.client;
        said.name = said.name.take().or_else(|| self.client.name.clone());
        said.version = said.version.take().or_else(|| self.client.version.clone());
        said.protocol = said
            .protocol
            .take()
            .or_else(|| self.client.protocol.clone());
        let event = call.called(Seen {
            id,
            via: Via::Stdio,
            server: self.server.clone(),
            status,
            error_type,
            error_code,
            latency: begun.elapsed(),
            ttfb: line_begun.map(|line| line.saturating_duration_since(begun)),
            response_bytes,
        });
        Event::ToolCalled(Box::new(ToolCalled {
            agent: self.agent.clone(),
            session_id: self.session.clone(),
            ..event
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines() -> Lines {
        Lines::new(&Wrapped {
            server: "docs".to_owned(),
            agent: Some("scout".to_owned()),
            session: None,
            command: Vec::new(),
        })
    }

    /// Server, tool, status, kind of error and size of the answer of each call.
    fn calls(events: Vec<Event>) -> Vec<(String, ToolStatus, Option<String>, u64)> {
        let call = |event| match event {
            Event::ToolCalled(call) => {
                Some((call.tool, call.status, call.error_type, call.response_bytes))
            }
            _ => None,
        };
        events.into_iter().filter_map(call).collect()
    }

    fn call(id: &str, tool: &str) -> String {
        format!(
            "{{\"id\":{id},\"method\":\"tools/call\",\"params\":{{\"name\":\"{tool}\",\"arguments\":{{\"q\":\"ö\"}}}}}}\n"
        )
    }

    #[test]
    fn answers_find_their_calls_wherever_lines_are_cut() {
        let asked = [call("1", "a"), call("\"1\"", "b"), call("2", "c")].concat();
        let answered = "{\"id\":\"1\",\"result\":{\"isError\":true}}\n\
                        {\"id\":7,\"method\":\"ping\"}\n{\"id\":1,\"result\":{\"text\":\"ö\"}}\r\n\
                        {\"id\":2,\"error\":{\"code\":-32602}}\n";
        let run = |cut: usize| {
            let mut lines = lines();
            let asks = asked.as_bytes().chunks(cut);
            let mut events: Vec<_> = asks.flat_map(|piece| lines.asked(piece)).collect();
            let answers = answered.as_bytes().chunks(cut);
            events.extend(answers.flat_map(|piece| lines.answered(piece)));
            events.extend(lines.end());
            calls(events)
        };
        let whole = run(usize::MAX);
        let failed = |kind: &str| (ToolStatus::Failed, Some(kind.to_owned()));
        let seen: Vec<_> = whole
            .iter()
            .map(|c| (c.0.as_str(), (c.1, c.2.clone())))
            .collect();
        assert_eq!(
            seen,
            [
                ("b", failed("tool_error")),
                ("a", (ToolStatus::Success, None)),
                ("c", failed("rpc_error"))
            ]
        );
        for cut in 1..40 {
            assert_eq!(run(cut), whole, "{cut}");
        }
    }

    #[test]
    fn calls_end_without_an_answer_too() {
        let mut lines = lines();
        lines.asked(call("1", "a").as_bytes());
        lines.asked(call("2", "b").as_bytes());
        let back = b"{\"method\":\"notifications/cancelled\",\"params\":{\"requestId\":1}}\n";
        let cancelled = calls(lines.asked(back));
        assert_eq!(cancelled[0].1, ToolStatus::Cancelled);
        // An answer that comes all the same ends nothing.
        assert_eq!(calls(lines.answered(b"{\"id\":1,\"result\":{}}\n")), []);
        let died = calls(lines.end());
        assert_eq!(
            (died[0].1, died[0].2.as_deref()),
            (ToolStatus::Failed, Some("upstream_eof"))
        );
        lines.asked(call("3", "c").as_bytes());
        lines.left();
        assert_eq!(calls(lines.end())[0].1, ToolStatus::Cancelled);
    }

    #[test]
    fn lines_without_measure_keep_their_frame() {
        let mut lines = lines();
        let mut huge = call("1", "a").into_bytes();
        huge.truncate(huge.len() - 1);
        huge.resize(LINE + 5, b' ');
        huge.push(b'\n');
        huge.extend(call("2", "b").bytes());
        for piece in huge.chunks(1 << 16) {
            lines.asked(piece);
        }
        let events = calls(lines.answered(b"{\"id\":1,\"result\":{}}\n{\"id\":2,\"result\":{}}\n"));
        let tools: Vec<_> = events.iter().map(|event| event.0.as_str()).collect();
        assert_eq!(tools, ["b"]);
    }

    #[test]
    fn a_list_is_told_when_it_says_something_new() {
        let mut lines = lines();
        let mut list = |tool: &str| {
            lines.asked(b"{\"id\":5,\"method\":\"tools/list\"}\n");
            let answer = format!("{{\"id\":5,\"result\":{{\"tools\":[{tool}]}}}}\n");
            let events = lines.answered(answer.as_bytes());
            events
                .into_iter()
                .filter(|event| matches!(event, Event::ToolsListed(_)))
                .count()
        };
        let one = r#"{"name":"a","description":"x"}"#;
        assert_eq!([list(one), list(one)], [1, 0]);
        assert_eq!(list(r#"{"name":"a","description":"y"}"#), 1);
    }
}
