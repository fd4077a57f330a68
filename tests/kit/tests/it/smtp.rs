//! The mail server seen by a client that sends every line by hand.

#![allow(clippy::unwrap_used)] // a connection that fails here fails the test

use systemprompt_testkit::smtp::{Encryption, Mail, SmtpSink};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

/// Says a line after the other and returns the last line of each answer.
async fn converse(sink: &SmtpSink, lines: &[&str]) -> Vec<String> {
    let mut stream = BufReader::new(TcpStream::connect(sink.addr).await.unwrap());
    let mut answers = Vec::new();
    for line in [None].into_iter().chain(lines.iter().map(Some)) {
        if let Some(line) = line {
            let line = format!("{line}\r\n");
            stream.write_all(line.as_bytes()).await.unwrap();
        }
        let mut answer = String::from("250-");
        while answer.as_bytes()[3] == b'-' {
            answer.clear();
            stream.read_line(&mut answer).await.unwrap();
        }
        answers.push(answer.trim_end().to_owned());
    }
    answers
}

/// The three digits of each answer but the greeting.
fn codes(answers: &[String]) -> Vec<&str> {
    assert_eq!(answers[0], "220 sink.test ESMTP");
    answers[1..].iter().map(|answer| &answer[..3]).collect()
}

#[tokio::test]
async fn mails_are_kept_without_the_transports_dots() {
    let sink = SmtpSink::start(Encryption::None).await.unwrap();
    let answers = converse(
        &sink,
        &[
            "EHLO me",
            "RCPT TO:<b@x>",
            "MAIL FROM:<a@x> BODY=8BITMIME",
            "DATA",
            "RCPT TO:<b@x>",
            "rcpt to:<c@x>",
            "DATA",
            "subject: s\r\n\r\n..\r\n...hidden\r\nend\r\n.",
            "NOOP",
            "MAIL FROM:<d@x>",
            "RSET",
            "DATA",
            "WHAT",
            "QUIT",
        ],
    )
    .await;
    assert_eq!(
        codes(&answers),
        [
            "250", "503", "250", "503", "250", "250", "354", "250", "250", "250", "250", "503",
            "502", "221"
        ]
    );
    let kept = Mail {
        from: "a@x".to_owned(),
        to: vec!["b@x".to_owned(), "c@x".to_owned()],
        content: "subject: s\r\n\r\n.\r\n..hidden\r\nend\r\n".to_owned(),
        user: None,
        encrypted: false,
    };
    assert_eq!(sink.mails(), [kept]);
}

#[tokio::test]
async fn logins_go_both_ways() {
    let sink = SmtpSink::start(Encryption::None).await.unwrap();
    sink.require_login("user", "pass");
    for (lines, last) in [
        (&["EHLO me", "MAIL FROM:<a@x>"][..], "530"),
        (&["AUTH PLAIN AHVzZXIAcGFzcw=="], "235"),
        (&["AUTH PLAIN", "AHVzZXIAcGFzcw=="], "235"),
        (&["AUTH LOGIN", "dXNlcg==", "cGFzcw=="], "235"),
        (&["AUTH LOGIN", "dXNlcg==", "dXNlcg=="], "535"),
        (&["AUTH PLAIN AHVzZXI="], "504"),
        (&["AUTH CRAM-MD5"], "504"),
        (&["AUTH PLAIN AHVzZXIAcGFzcw==", "MAIL FROM:<a@x>"], "250"),
    ] {
        let answers = converse(&sink, lines).await;
        assert_eq!(codes(&answers).last(), Some(&last), "{lines:?}");
    }
}

#[tokio::test]
async fn starttls_comes_first() {
    let sink = SmtpSink::start(Encryption::StartTls).await.unwrap();
    sink.require_login("user", "pass");
    let lines = ["EHLO me", "AUTH LOGIN", "MAIL FROM:<a@x>", "STARTTLS"];
    let answers = converse(&sink, &lines).await;
    assert_eq!(codes(&answers), ["250", "530", "530", "220"]);
}

#[tokio::test]
async fn it_answers_as_it_is_told() {
    let sink = SmtpSink::start(Encryption::None).await.unwrap();
    sink.reply(["451 later"]);
    sink.refuse("gone@x", "550 gone");
    let send = [
        "MAIL FROM:<a@x>",
        "RCPT TO:<gone@x>",
        "RCPT TO:<b@x>",
        "DATA",
        "text\r\n.",
    ];
    let answers = converse(&sink, &send).await;
    assert_eq!(codes(&answers), ["250", "550", "250", "354", "451"]);
    assert_eq!(sink.mails(), []);
    let answers = converse(&sink, &send).await;
    assert_eq!(answers.last().unwrap(), "250 2.0.0 kept");
    assert_eq!(sink.mails()[0].to, ["b@x"]);

    sink.set_down(true);
    let mut stream = TcpStream::connect(sink.addr).await.unwrap();
    assert_eq!(stream.read(&mut [0]).await.unwrap_or(0), 0);
    sink.set_down(false);
    assert_eq!(codes(&converse(&sink, &["NOOP"]).await), ["250"]);
}
