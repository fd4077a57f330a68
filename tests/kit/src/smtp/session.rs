//! One conversation with a mail client (RFC 5321, 3207, 4954).

use std::io;
use std::sync::Arc;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

use super::{Encryption, Mail, Shared};

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

struct Session {
    stream: BufReader<Box<dyn Stream>>,
    shared: Arc<Shared>,
    encrypted: bool,
    user: Option<String>,
    from: Option<String>,
    to: Vec<String>,
}

/// Serves one client until it leaves.
pub(super) async fn run(stream: TcpStream, shared: Arc<Shared>) -> io::Result<()> {
    let encrypted = shared.encryption == Encryption::Implicit;
    let stream: Box<dyn Stream> = if encrypted {
        Box::new(shared.tls.accept(stream).await?)
    } else {
        Box::new(stream)
    };
    let mut session = Session {
        stream: BufReader::new(stream),
        shared,
        encrypted,
        user: None,
        from: None,
        to: Vec::new(),
    };
    session.say("220 sink.test ESMTP").await?;
    loop {
        let line = session.line().await?;
        let (verb, rest) = line.split_once(' ').unwrap_or((&line, ""));
        match verb.to_ascii_uppercase().as_str() {
            "STARTTLS" if session.wants_tls() => {
                session.say("220 go ahead").await?;
                session = session.encrypt().await?;
            }
            "QUIT" => return session.say("221 bye").await,
            verb => {
                let reply = session.reply_to(verb, rest).await?;
                session.say(&reply).await?;
            }
        }
    }
}

impl Session {
    async fn reply_to(&mut self, verb: &str, rest: &str) -> io::Result<String> {
        let login = self.shared.state().login.is_some();
        Ok(match verb {
            "EHLO" => self.greeting(login),
            "HELO" | "NOOP" => "250 sink.test".to_owned(),
            "RSET" => {
                self.forget();
                "250 forgotten".to_owned()
            }
            _ if self.wants_tls() => "530 5.7.0 must issue STARTTLS first".to_owned(),
            "AUTH" => return self.authenticate(rest).await,
            _ if login && self.user.is_none() => "530 5.7.0 authentication required".to_owned(),
            "MAIL" => {
                self.forget();
                self.from = Some(address(rest));
                "250 2.1.0 fine".to_owned()
            }
            "RCPT" if self.from.is_none() => "503 5.5.1 whose mail?".to_owned(),
            "RCPT" => self.recipient(address(rest)),
            "DATA" if self.to.is_empty() => "503 5.5.1 to whom?".to_owned(),
            "DATA" => {
                self.say("354 go on").await?;
                let content = self.data().await?;
                self.keep(content)
            }
            _ => "502 5.5.1 unknown command".to_owned(),
        })
    }

    fn wants_tls(&self) -> bool {
        self.shared.encryption == Encryption::StartTls && !self.encrypted
    }

    fn greeting(&self, login: bool) -> String {
        let mut lines = vec!["sink.test", "8BITMIME", "SMTPUTF8"];
        if self.wants_tls() {
            lines.push("STARTTLS");
        } else if login {
            lines.push("AUTH PLAIN LOGIN");
        }
        let last = lines.len() - 1;
        let lines = lines.iter().enumerate();
        let lines: Vec<_> = lines
            .map(|(i, line)| format!("250{}{line}", if i == last { ' ' } else { '-' }))
            .collect();
        lines.join("\r\n")
    }

    async fn authenticate(&mut self, rest: &str) -> io::Result<String> {
        let (mechanism, initial) = rest.split_once(' ').unwrap_or((rest, ""));
        let given = match mechanism.to_ascii_uppercase().as_str() {
            "PLAIN" => {
                let answer = if initial.is_empty() {
                    self.ask("").await?
                } else {
                    decoded(initial)
                };
                // Whom to act for, who, and the password.
                let mut parts = answer.splitn(3, '\0').skip(1).map(str::to_owned);
                parts.next().zip(parts.next())
            }
            "LOGIN" => Some((self.ask("Username:").await?, self.ask("Password:").await?)),
            _ => None,
        };
        let Some(given) = given else {
            return Ok("504 5.5.4 unknown mechanism".to_owned());
        };
        if self.shared.state().login.as_ref() != Some(&given) {
            // Some servers repeat what they were sent; clients must not tell.
            return Ok(format!("535 5.7.8 wrong: {} {}", given.0, given.1));
        }
        self.user = Some(given.0);
        Ok("235 2.7.0 welcome".to_owned())
    }

    async fn ask(&mut self, question: &str) -> io::Result<String> {
        let question = format!("334 {}", BASE64_STANDARD.encode(question));
        self.say(&question).await?;
        Ok(decoded(&self.line().await?))
    }

    fn recipient(&mut self, address: String) -> String {
        if let Some(reply) = self.shared.state().refused.get(&address) {
            return reply.clone();
        }
        self.to.push(address);
        "250 2.1.5 fine".to_owned()
    }

    /// Reads up to the lone dot, and takes away the dots that keep others from
    /// being taken for it.
    async fn data(&mut self) -> io::Result<String> {
        let mut content = String::new();
        loop {
            let line = self.line().await?;
            if line == "." {
                return Ok(content);
            }
            content.push_str(line.strip_prefix('.').unwrap_or(&line));
            content.push_str("\r\n");
        }
    }

    fn keep(&mut self, content: String) -> String {
        let mail = Mail {
            from: self.from.take().unwrap_or_default(),
            to: std::mem::take(&mut self.to),
            content,
            user: self.user.clone(),
            encrypted: self.encrypted,
        };
        let mut state = self.shared.state();
        if let Some(reply) = state.replies.pop_front() {
            return reply;
        }
        state.mails.push(mail);
        "250 2.0.0 kept".to_owned()
    }

    fn forget(&mut self) {
        self.from = None;
        self.to.clear();
    }

    async fn encrypt(self) -> io::Result<Self> {
        // What came before the handshake is dropped with the buffer.
        let stream = self.shared.tls.accept(self.stream.into_inner()).await?;
        Ok(Self {
            stream: BufReader::new(Box::new(stream)),
            encrypted: true,
            ..self
        })
    }

    async fn line(&mut self) -> io::Result<String> {
        let mut line = String::new();
        if self.stream.read_line(&mut line).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(line.trim_end_matches(['\r', '\n']).to_owned())
    }

    async fn say(&mut self, reply: &str) -> io::Result<()> {
        let reply = format!("{reply}\r\n");
        self.stream.write_all(reply.as_bytes()).await?;
        self.stream.flush().await
    }
}

/// What is in the angle brackets of `FROM:<a@b> BODY=8BITMIME`.
fn address(text: &str) -> String {
    let address = text
        .split_once('<')
        .and_then(|(_, rest)| rest.split_once('>'));
    address.map_or("", |(address, _)| address).to_owned()
}

fn decoded(text: &str) -> String {
    let bytes = BASE64_STANDARD.decode(text).unwrap_or_default();
    String::from_utf8_lossy(&bytes).into_owned()
}
