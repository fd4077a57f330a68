//! What has been understood of an answer so far: takes what the scanner finds,
//! gives the outcome. Knows which events end a stream; how bytes become events
//! is not its business.

use std::collections::BTreeMap;

use systemprompt_domain::api::Api;

use crate::outcome::{Ending, Outcome, ProviderError};
use crate::scanner::{SCALAR_LIMIT, Scalar, Sink};
use crate::shapes::Field;
use crate::usage;

/// Most tool names that are kept.
const TOOLS_LIMIT: usize = 64;
/// Longest error type or code; beyond that it is a message.
const SHORT: usize = 64;

/// A content block, output item or tool call while it is read.
#[derive(Default)]
struct Item {
    kind: Option<String>,
    name: Option<String>,
    index: Option<String>,
    id: Option<String>,
    call_id: Option<String>,
}

/// Items that count: tools the client is asked to run, calls the provider ran.
#[derive(Default)]
struct Items {
    tools: Vec<String>,
    ids: Vec<String>,
    calls: BTreeMap<String, u64>,
}

impl Items {
    fn add_tool(&mut self, name: Option<String>, id: Option<String>) {
        if let Some(name) = name.filter(|_| self.tools.len() < TOOLS_LIMIT) {
            self.tools.push(name);
            self.ids.extend(id);
        }
    }

    fn add(&mut self, item: Item) {
        let call = match item.kind.as_deref() {
            Some("tool_use" | "function_call" | "custom_tool_call") => {
                return self.add_tool(item.name, item.call_id.or(item.id));
            }
            Some("web_search_call") => "web_search",
            Some("file_search_call") => "file_search",
            Some("code_interpreter_call") => "code_interpreter",
            Some("image_generation_call") => "image_generation",
            Some("mcp_call") => "mcp",
            _ => return,
        };
        *self.calls.entry(call.to_owned()).or_default() += 1;
    }

    fn is_empty(&self) -> bool {
        self.tools.is_empty() && self.calls.is_empty()
    }
}

/// What belongs to the current event, or document, alone.
#[derive(Default)]
struct Event {
    terminal: bool,
    error: bool,
    item_done: bool,
    code: Option<String>,
    item: Option<Item>,
}

/// What was stated of the answer. A stream that opens a second time begins a
/// new one.
#[derive(Default)]
struct Answer {
    id: Option<String>,
    model: Option<String>,
    tier: Option<String>,
    status: Option<String>,
    finish: Option<String>,
    /// The text of the usage object.
    usage: Vec<u8>,
    /// The item or call being read.
    item: Item,
    choice: Option<String>,
    /// The calls of the choice being read.
    calls: Vec<Item>,
    /// `(choice, index)` of calls already named: some hosts repeat the name.
    named: Vec<(Option<String>, String)>,
    /// Whether this candidate's grounding names a search, how many of this
    /// chunk's do, and the most that those of any chunk did.
    searched: bool,
    grounded: u64,
    searches: u64,
    /// Items as they came one by one, and those of the last complete list.
    streamed: Items,
    listed: Items,
}

pub(crate) struct Reading {
    api: Api,
    event: Event,
    /// A terminal event was complete.
    ended: bool,
    error: Option<ProviderError>,
    answer: Answer,
}

impl Reading {
    pub(crate) fn new(api: Api) -> Self {
        Self {
            api,
            event: Event::default(),
            ended: false,
            error: None,
            answer: Answer::default(),
        }
    }

    /// An event begins.
    pub(crate) fn begin_event(&mut self) {
        self.event = Event::default();
    }

    /// The event has this name, or its data this type.
    pub(crate) fn name_event(&mut self, name: &str) {
        match (self.api, name) {
            (Api::Messages, "message_stop")
            | (Api::Responses, "response.completed" | "response.incomplete") => {
                self.event.terminal = true;
            }
            (Api::Messages | Api::Responses, "error") | (Api::Responses, "response.failed") => {
                self.event.terminal = true;
                self.event.error = true;
                self.error.get_or_insert_default();
            }
            (Api::Responses, "response.output_item.done") => self.event.item_done = true,
            _ => {}
        }
    }

    /// The event's data is `[DONE]`.
    pub(crate) fn mark_done(&mut self) {
        self.event.terminal |= self.api == Api::ChatCompletions;
    }

    /// The event is complete.
    pub(crate) fn end_event(&mut self) {
        let event = std::mem::take(&mut self.event);
        self.ended |= event.terminal;
        if let Some(item) = event.item.filter(|_| event.item_done) {
            self.answer.streamed.add(item);
        }
        if let (Some(error), Some(code)) = (&mut self.error, event.code)
            && event.error
        {
            error.code.get_or_insert(code);
        }
    }

    /// Whether the terminal event was seen or has begun.
    pub(crate) fn is_terminal(&self) -> bool {
        self.ended || self.event.terminal
    }

    /// Whether the stream's terminal event was complete.
    pub(crate) fn is_ended(&self) -> bool {
        self.ended
    }

    /// Whether the model said why it stopped.
    pub(crate) fn is_finished(&self) -> bool {
        self.answer.finish.is_some()
    }

    /// Everything understood, for a body of which `ended` and `status` say how
    /// it came to its end.
    pub(crate) fn outcome(self, status: u16, ended: bool) -> Outcome {
        let ending = match ended {
            _ if status >= 400 || self.error.is_some() => Ending::Errored,
            true => Ending::Terminal,
            false => Ending::Open,
        };
        let answer = self.answer;
        let items = match answer.listed.is_empty() {
            true => answer.streamed,
            false => answer.listed,
        };
        let mut stated = usage::read(self.api, &answer.usage);
        if let Some(usage) = &mut stated.usage {
            usage.calls.extend(items.calls);
            if answer.searches > 0 {
                usage.calls.insert("web_search".to_owned(), answer.searches);
            }
            usage.service_tier = usage.service_tier.take().or(answer.tier);
        }
        let ended = |status: &String| !matches!(status.as_str(), "in_progress" | "queued");
        Outcome {
            ending,
            usage: stated.usage,
            raw_usage: stated.raw,
            served_model: stated.model.or(answer.model),
            response_id: answer.id,
            finish_reason: answer.finish.or(answer.status.filter(ended)),
            tool_calls: items.tools,
            tool_call_ids: items.ids,
            error: self.error,
            decodable: true,
        }
    }
}

impl Answer {
    /// The calls of a choice, now that its index is known wherever it stood.
    fn end_choice(&mut self) {
        let choice = self.choice.take();
        for call in std::mem::take(&mut self.calls) {
            if let (Some(index), Some(_)) = (call.index, &call.name) {
                let place = (choice.clone(), index);
                if self.named.contains(&place) || self.named.len() >= TOOLS_LIMIT {
                    continue;
                }
                self.named.push(place);
            }
            self.listed.add_tool(call.name, call.call_id.or(call.id));
        }
    }
}

/// A text that may be kept as a name or an id: not empty, not long, and without
/// the characters that PostgreSQL refuses or a terminal obeys.
pub(crate) fn storable(text: &str) -> Option<&str> {
    let fits = (1..=SCALAR_LIMIT).contains(&text.len());
    (fits && !text.contains(char::is_control)).then_some(text)
}

fn short(text: &str) -> Option<String> {
    let is_code = text.len() <= SHORT && text.bytes().all(|byte| byte.is_ascii_graphic());
    storable(text).filter(|_| is_code).map(str::to_owned)
}

/// Keeps the last value; most chunks repeat it.
fn keep(place: &mut Option<String>, text: &str) {
    if place.as_deref() != Some(text) && storable(text).is_some() {
        *place = Some(text.to_owned());
    }
}

impl Sink for Reading {
    fn enter(&mut self, field: Field) {
        let answer = &mut self.answer;
        match field {
            Field::Message => *answer = Answer::default(),
            Field::Response => answer.listed = Items::default(),
            Field::Error => {
                self.event.terminal |= self.api != Api::GenerateContent;
                self.error.get_or_insert_default();
            }
            Field::Chunk => answer.grounded = 0,
            Field::Item | Field::StreamedItem | Field::Call => answer.item = Item::default(),
            Field::Grounding => answer.searched = false,
            _ => {}
        }
    }

    fn leave(&mut self, field: Field) {
        let answer = &mut self.answer;
        match field {
            Field::Item => answer.listed.add(std::mem::take(&mut answer.item)),
            Field::StreamedItem => self.event.item = Some(std::mem::take(&mut answer.item)),
            Field::Call if answer.calls.len() < TOOLS_LIMIT => {
                answer.calls.push(std::mem::take(&mut answer.item));
            }
            Field::Choice => answer.end_choice(),
            Field::Grounding => answer.grounded += u64::from(answer.searched),
            // Chunks repeat what they are grounded on.
            Field::Chunk => answer.searches = answer.searches.max(answer.grounded),
            _ => {}
        }
    }

    fn scalar(&mut self, field: Field, value: Scalar<'_>) {
        let Scalar::Text(text) = value else {
            if field == Field::Error && value == Scalar::Unreadable {
                self.enter(field);
            }
            return;
        };
        let answer = &mut self.answer;
        match field {
            Field::Type => self.name_event(text),
            Field::Id => keep(&mut answer.id, text),
            Field::Model => keep(&mut answer.model, text),
            Field::Tier => keep(&mut answer.tier, text),
            Field::Status => keep(&mut answer.status, text),
            Field::Finish => keep(&mut answer.finish, text),
            Field::Error => self.enter(field),
            Field::ErrorKind => self.error.get_or_insert_default().kind = short(text),
            Field::ErrorCode => self.error.get_or_insert_default().code = short(text),
            Field::EventCode => self.event.code = short(text),
            Field::ItemType => keep(&mut answer.item.kind, text),
            Field::ItemName | Field::CallName => keep(&mut answer.item.name, text),
            Field::CallIndex => keep(&mut answer.item.index, text),
            Field::ChoiceIndex => keep(&mut answer.choice, text),
            Field::Tool => {
                let tool = storable(text).map(str::to_owned);
                answer.listed.add_tool(tool, None);
            }
            Field::ItemId => keep(&mut answer.item.id, text),
            Field::ItemCallId => keep(&mut answer.item.call_id, text),
            Field::Search => answer.searched = true,
            _ => {}
        }
    }

    fn text(&mut self, field: Field, text: &[u8]) {
        let answer = &mut self.answer;
        if field == Field::UsageUpdate {
            usage::merge(&mut answer.usage, text);
        } else {
            answer.usage.clear();
            answer.usage.extend_from_slice(text);
        }
    }
}
