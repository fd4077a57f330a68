//! YAML text to a tree that knows its lines. Types, layers and variables come
//! later; aliases and tags have no use in a profile and are refused.

use std::sync::Arc;

use saphyr_parser::{Event, Parser, ScalarStyle, ScanError, Span, StrInput};

use crate::error::Problem;
use crate::node::{Node, Origin, Value};

/// Deep enough for any profile, shallow enough for the stack.
const MAX_DEPTH: usize = 32;

/// Reads one YAML document. An empty text is [`Value::Null`].
pub(crate) fn parse(source: &str, text: &str) -> Result<Node, Problem> {
    Reader {
        source: source.into(),
        lines: true,
        parser: Parser::new_from_str(text.trim_start_matches('\u{feff}')),
    }
    .document()
}

/// Reads a value from the command line: the same YAML, but its place has no
/// lines.
pub(crate) fn parse_value(source: &str, text: &str) -> Result<Node, Problem> {
    Reader {
        source: source.into(),
        lines: false,
        parser: Parser::new_from_str(text),
    }
    .document()
}

struct Reader<'a> {
    source: Arc<str>,
    lines: bool,
    parser: Parser<'a, StrInput<'a>>,
}

impl<'a> Reader<'a> {
    fn document(mut self) -> Result<Node, Problem> {
        let mut root = Node {
            origin: self.origin(None),
            value: Value::Null,
        };
        let mut seen = false;
        loop {
            let (event, span) = self.next()?;
            match event {
                Event::StreamEnd => return Ok(root),
                Event::StreamStart | Event::DocumentEnd | Event::Nothing => {}
                Event::DocumentStart(_) if seen => {
                    return Err(self.refuse(&span, "a second YAML document (`---`) is not read"));
                }
                Event::DocumentStart(_) => seen = true,
                event => root = self.node(event, &span, 0)?,
            }
        }
    }

    fn next(&mut self) -> Result<(Event<'a>, Span), Problem> {
        match self.parser.next_event() {
            Some(Ok(event)) => Ok(event),
            Some(Err(error)) => Err(self.broken(&error)),
            // The stream's end is an event of its own, and nobody reads past it.
            None => Ok((Event::StreamEnd, Span::default())),
        }
    }

    fn node(&mut self, event: Event<'a>, span: &Span, depth: usize) -> Result<Node, Problem> {
        if depth > MAX_DEPTH {
            return Err(self.refuse(span, "this is nested too deeply"));
        }
        let value = match event {
            Event::Scalar(_, _, _, Some(_))
            | Event::SequenceStart(_, Some(_))
            | Event::MappingStart(_, Some(_)) => {
                return Err(self.refuse(span, "YAML tags (`!name`) are not used in a profile"));
            }
            Event::Scalar(text, ScalarStyle::Plain, ..)
                if matches!(&*text, "" | "~" | "null" | "Null" | "NULL") =>
            {
                Value::Null
            }
            Event::Scalar(text, ..) => Value::Scalar {
                text: text.into_owned(),
                from_outside: false,
            },
            Event::SequenceStart(..) => self.list(depth)?,
            Event::MappingStart(..) => self.map(depth)?,
            _ => {
                return Err(self.refuse(
                    span,
                    "YAML aliases (`*name`) are not used in a profile; write the value out",
                ));
            }
        };
        Ok(Node {
            origin: self.origin(Some(span)),
            value,
        })
    }

    fn list(&mut self, depth: usize) -> Result<Value, Problem> {
        let mut items = Vec::new();
        loop {
            let (event, span) = self.next()?;
            match event {
                Event::SequenceEnd => return Ok(Value::List(items)),
                event => items.push(self.node(event, &span, depth + 1)?),
            }
        }
    }

    fn map(&mut self, depth: usize) -> Result<Value, Problem> {
        let mut entries: Vec<(String, Node)> = Vec::new();
        loop {
            let (event, key_span) = self.next()?;
            let key = match event {
                Event::MappingEnd => return Ok(Value::Map(entries)),
                Event::Scalar(key, ..) => key.into_owned(),
                _ => return Err(self.refuse(&key_span, "a key must be plain text")),
            };
            if let Some((_, first)) = entries.iter().find(|(name, _)| *name == key) {
                let before = first
                    .origin
                    .line
                    .map_or(String::new(), |line| format!(" on line {line}"));
                let message = format!("the key {key} was already given{before}");
                return Err(self.refuse(&key_span, &message));
            }
            let (event, span) = self.next()?;
            let mut node = self.node(event, &span, depth + 1)?;
            // A mapping starts below its key; the key's line is the one to show.
            node.origin = self.origin(Some(&key_span));
            entries.push((key, node));
        }
    }

    fn origin(&self, span: Option<&Span>) -> Origin {
        let line = span.filter(|_| self.lines).map(|span| span.start.line());
        Origin {
            source: Arc::clone(&self.source),
            line,
        }
    }

    fn refuse(&self, span: &Span, message: &str) -> Problem {
        Problem {
            origin: self.origin(Some(span)),
            message: message.to_owned(),
        }
    }

    fn broken(&self, error: &ScanError) -> Problem {
        let at = error.marker();
        let origin = Origin {
            source: Arc::clone(&self.source),
            line: self.lines.then(|| at.line()),
        };
        // Columns are for editors, which count from 1.
        let message = format!(
            "this is not YAML (column {}): {}",
            at.col() + 1,
            error.info()
        );
        Problem { origin, message }
    }
}
