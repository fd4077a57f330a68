//! The grammar by which a request asks for a behaviour. It stands in the model
//! name or in the header `x-mock`; what the options do is for the others.

use std::time::Duration;

/// How one request is answered.
///
/// Options are separated by commas and come in the model name, as
/// `mock-<options>` or `<model>?<options>`, or in the request header `x-mock`,
/// which wins:
///
/// | option | effect |
/// |---|---|
/// | `rec:FILE` | the recorded body, byte for byte, with its status |
/// | `in=N` `out=N` `cache=N` `write=N` `write1h=N` `reasoning=N` | usage, in the provider's own counting |
/// | `nousage` | no usage at all |
/// | `model=NAME` | the model that the answer names |
/// | `chunks=N` | content chunks of a synthesised stream |
/// | `tool=NAME` | the model calls this tool with `{"city":"Paris"}` |
/// | `bigevent` | the first content chunk holds 1 MiB of text |
/// | `status=N` | that HTTP status with the provider's error body |
/// | `retry=N` | seconds in `retry-after` of such an error |
/// | `redirect` | 302 to elsewhere |
/// | `midstream-error` | a stream breaks off with the provider's error event |
/// | `malformed` | half of the body, correctly framed |
/// | `badsse` | broken lines and a broken event inside a stream |
/// | `crlf` `nofinalnl` | CRLF line ends; no line end after the last event |
/// | `delay=MS` `slow=MS` | wait before the head; wait between pieces |
/// | `split` `split=SEED` | pieces of random size, the same for one seed |
/// | `gzip` | compressed, if the request accepts it |
/// | `length` `chunked` | framing; by default streams are chunked |
/// | `cut=N` | connection reset after N bytes of body |
/// | `close=N` | connection closed after N bytes of body, without its proper end |
/// | `hang` `hang=N` | silence after half the body, or after N bytes |
/// | `hang-header` | silence before the head |
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[allow(missing_docs)] // the table above says what each one does
pub struct Behaviour {
    pub recording: Option<String>,
    pub input: u64,
    pub output: u64,
    pub cache_read: u64,
    pub cache_write_5m: u64,
    pub cache_write_1h: u64,
    pub reasoning: u64,
    pub no_usage: bool,
    pub model: Option<String>,
    pub chunks: usize,
    pub tool: Option<String>,
    pub big_event: bool,
    pub status: Option<u16>,
    pub retry_after: u64,
    pub redirect: bool,
    pub midstream_error: bool,
    pub malformed: bool,
    pub bad_sse: bool,
    pub crlf: bool,
    pub no_final_newline: bool,
    pub delay: Option<Duration>,
    pub slow: Option<Duration>,
    pub split: Option<u64>,
    pub gzip: bool,
    pub framing: Option<Framing>,
    pub cut: Option<Cut>,
    pub hang: Option<Hang>,
    pub hang_header: bool,
}

/// How the end of a body is told to the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// By `content-length`.
    Length,
    /// By chunked transfer coding.
    Chunked,
}

/// Where a connection ends before its body does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cut {
    /// After this many bytes of body.
    pub after: usize,
    /// By a reset, as a dying host does it, or by an ordinary close, as a
    /// dying process does.
    pub reset: bool,
}

impl Cut {
    fn after(bytes: &str, reset: bool) -> Option<Self> {
        let after = bytes.parse().ok()?;
        Some(Self { after, reset })
    }
}

/// Where a body falls silent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hang {
    /// After half of its bytes.
    Half,
    /// After this many bytes.
    After(usize),
}

impl Default for Behaviour {
    fn default() -> Self {
        Self {
            recording: None,
            input: 12,
            output: 6,
            cache_read: 0,
            cache_write_5m: 0,
            cache_write_1h: 0,
            reasoning: 0,
            no_usage: false,
            model: None,
            chunks: 3,
            tool: None,
            big_event: false,
            status: None,
            retry_after: 1,
            redirect: false,
            midstream_error: false,
            malformed: false,
            bad_sse: false,
            crlf: false,
            no_final_newline: false,
            delay: None,
            slow: None,
            split: None,
            gzip: false,
            framing: None,
            cut: None,
            hang: None,
            hang_header: false,
        }
    }
}

/// An option the grammar does not know, or whose value does not parse. The
/// provider answers 400 with it, so that a typing error fails a test.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownOption(pub String);

impl std::fmt::Display for UnknownOption {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "mock: unknown option `{}`", self.0)
    }
}

impl std::error::Error for UnknownOption {}

/// The model that an answer names and the options inside a model name.
/// `mock-…` names itself whole; `gpt-4o?in=5` names `gpt-4o`.
pub(super) fn model_options(model: &str) -> (&str, &str) {
    match (model.split_once('?'), model.strip_prefix("mock-")) {
        (Some((name, options)), _) => (name, options),
        (None, Some(options)) => (model, options),
        (None, None) => (model, ""),
    }
}

impl Behaviour {
    /// Reads further options over those that stand already.
    ///
    /// # Errors
    /// The first option that is not in the table.
    pub fn apply(&mut self, options: &str) -> Result<(), UnknownOption> {
        for option in options
            .split(',')
            .map(str::trim)
            .filter(|option| !option.is_empty())
        {
            self.apply_one(option)
                .ok_or_else(|| UnknownOption(option.to_owned()))?;
        }
        Ok(())
    }

    fn apply_one(&mut self, option: &str) -> Option<()> {
        if let Some(file) = option.strip_prefix("rec:") {
            self.recording = Some(file.to_owned());
            return Some(());
        }
        match option.split_once('=') {
            Some((name, value)) => self.set(name, value),
            None => self.switch(option),
        }
    }

    fn set(&mut self, name: &str, value: &str) -> Option<()> {
        let number = || value.parse::<u64>().ok();
        match name {
            "in" => self.input = number()?,
            "out" => self.output = number()?,
            "cache" => self.cache_read = number()?,
            "write" => self.cache_write_5m = number()?,
            "write1h" => self.cache_write_1h = number()?,
            "reasoning" => self.reasoning = number()?,
            "model" => self.model = Some(value.to_owned()),
            "chunks" => self.chunks = value.parse().ok()?,
            "tool" => self.tool = Some(value.to_owned()),
            "status" => {
                self.status = Some(value.parse().ok().filter(|s| (400..600).contains(s))?);
            }
            "retry" => self.retry_after = number()?,
            "delay" => self.delay = Some(Duration::from_millis(number()?)),
            "slow" => self.slow = Some(Duration::from_millis(number()?)),
            "split" => self.split = Some(number()?),
            "cut" => self.cut = Some(Cut::after(value, true)?),
            "close" => self.cut = Some(Cut::after(value, false)?),
            "hang" => self.hang = Some(Hang::After(value.parse().ok()?)),
            _ => return None,
        }
        Some(())
    }

    fn switch(&mut self, name: &str) -> Option<()> {
        match name {
            "nousage" => self.no_usage = true,
            "bigevent" => self.big_event = true,
            "redirect" => self.redirect = true,
            "midstream-error" => self.midstream_error = true,
            "malformed" => self.malformed = true,
            "badsse" => self.bad_sse = true,
            "crlf" => self.crlf = true,
            "nofinalnl" => self.no_final_newline = true,
            "split" => self.split = Some(0),
            "gzip" => self.gzip = true,
            "length" => self.framing = Some(Framing::Length),
            "chunked" => self.framing = Some(Framing::Chunked),
            "hang" => self.hang = Some(Hang::Half),
            "hang-header" => self.hang_header = true,
            _ => return None,
        }
        Some(())
    }

    /// The texts of the content chunks; together they are the whole text.
    pub(super) fn texts(&self) -> impl Iterator<Item = String> {
        let big = self.big_event;
        (0..self.chunks.max(1)).map(move |i| match i {
            0 if big => "x".repeat(1 << 20),
            0 => "Hello".to_owned(),
            _ => format!(" w{i}"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(options: &str) -> Result<Behaviour, UnknownOption> {
        let mut behaviour = Behaviour::default();
        behaviour.apply(options).map(|()| behaviour)
    }

    #[test]
    fn options_compose() {
        let got = parse("rec:openai/chat/a__0.sse, split=7,slow=2,gzip,cut=100").unwrap();
        let expected = Behaviour {
            recording: Some("openai/chat/a__0.sse".into()),
            split: Some(7),
            slow: Some(Duration::from_millis(2)),
            gzip: true,
            cut: Some(Cut {
                after: 100,
                reset: true,
            }),
            ..Behaviour::default()
        };
        assert_eq!(got, expected);
    }

    #[test]
    fn a_typing_error_is_told() {
        for wrong in ["hnag", "in=many", "status=200", "rec", "gzip=1"] {
            assert_eq!(parse(wrong), Err(UnknownOption(wrong.into())));
        }
    }

    #[test]
    fn options_in_model_names() {
        assert_eq!(model_options("gpt-4o"), ("gpt-4o", ""));
        assert_eq!(model_options("gpt-4o?in=5"), ("gpt-4o", "in=5"));
        assert_eq!(model_options("mock-in=5"), ("mock-in=5", "in=5"));
    }
}
