//! Mail to a real server, and what is said when it does not take it.

use std::fs;
use std::net::TcpListener;

use mail_parser::MessageParser;
use systemprompt_notify::{Channel, Channels, Message, Retry, SendError};
use systemprompt_testkit::smtp::{Encryption, SmtpSink};
use tempfile::TempDir;

use super::{CANARY, budget, by_mail, hostile};

/// A server, and channels that lead to it and trust its certificate.
struct Post {
    sink: SmtpSink,
    channels: Channels,
    // Holds the certificate, which is read once.
    _folder: TempDir,
}

impl Post {
    async fn new(encryption: Encryption, login: &str, to: &[&str]) -> Self {
        let sink = SmtpSink::start(encryption).await.unwrap();
        let url = sink.url_as(login);
        Self::at(sink, &url, to)
    }

    /// With a query in place of the one that fits the server.
    async fn with_query(encryption: Encryption, query: &str) -> Self {
        let sink = SmtpSink::start(encryption).await.unwrap();
        let url = format!("smtp://{}{query}", sink.addr);
        Self::at(sink, &url, &["team@example.com"])
    }

    fn at(sink: SmtpSink, url: &str, to: &[&str]) -> Self {
        let folder = TempDir::new().unwrap();
        let authorities = folder.path().join("ca.pem");
        fs::write(&authorities, sink.certificate()).unwrap();
        let mut settings = by_mail(url);
        let email = settings.email.as_mut().unwrap();
        email.ca_file = Some(authorities);
        email.to = to.iter().map(|to| (*to).to_owned()).collect();
        Self {
            sink,
            channels: Channels::new(&settings).unwrap(),
            _folder: folder,
        }
    }

    async fn plain() -> Self {
        Self::new(Encryption::None, "", &["team@example.com"]).await
    }

    async fn send(&self, message: &Message) -> Result<(), SendError> {
        let sent = self.channels.send(Channel::Email, message).await;
        if let Err(error) = &sent {
            let shown = format!("{error} {error:?}");
            assert!(!shown.contains(CANARY), "{shown}");
        }
        sent
    }

    async fn refusal(&self) -> SendError {
        self.send(&budget()).await.unwrap_err()
    }
}

/// The text of a mail with the line ends it was written with, without the one
/// that every mail ends with.
fn text(content: &str) -> String {
    let mail = MessageParser::default().parse(content).unwrap();
    let text = mail.body_text(0).unwrap().replace("\r\n", "\n");
    text.strip_suffix('\n').unwrap().to_owned()
}

#[tokio::test]
async fn a_mail_says_what_the_message_says() {
    let post = Post::new(
        Encryption::None,
        "",
        &["Team <team@example.com>", "b@example.com"],
    )
    .await;
    let message = Message {
        scope: Some("agent Späher 東京".to_owned()),
        ..budget()
    };
    post.send(&message).await.unwrap();
    let [received] = &post.sink.mails()[..] else {
        panic!("one mail");
    };
    assert_eq!(received.from, "alerts@example.com");
    assert_eq!(received.to, ["team@example.com", "b@example.com"]);
    assert!(!received.encrypted);
    let mail = MessageParser::default().parse(&received.content).unwrap();
    assert_eq!(mail.subject().unwrap(), message.subject());
    let from = mail.from().unwrap().first().unwrap();
    assert_eq!(
        (from.name(), from.address()),
        (Some("Alerts"), Some("alerts@example.com"))
    );
    assert_eq!(mail.to().unwrap().iter().count(), 2);
    assert_eq!(
        mail.message_id().unwrap(),
        format!("{}@systemprompt.example.com", message.id)
    );
    let automatic = mail.header("Auto-Submitted").unwrap();
    assert_eq!(automatic.as_text(), Some("auto-generated"));
    assert!(mail.date().is_some());
    assert_eq!(text(&received.content), message.text());
}

#[tokio::test]
async fn a_name_is_no_header_and_no_end() {
    let post = Post::plain().await;
    post.send(&hostile()).await.unwrap();
    let [received] = &post.sink.mails()[..] else {
        panic!("one mail");
    };
    assert_eq!(received.to, ["team@example.com"]);
    let mail = MessageParser::default().parse(&received.content).unwrap();
    assert!(mail.bcc().is_none());
    assert_eq!(mail.subject().unwrap(), hostile().subject());
    // Its first line begins with a dot, which the transport doubles.
    assert!(hostile().text().starts_with('.'));
    assert_eq!(text(&received.content), hostile().text());
}

#[tokio::test]
async fn encryption_is_as_the_address_says() {
    for encryption in [Encryption::StartTls, Encryption::Implicit] {
        let login = format!("me%40example.com:{CANARY}%2F%21@");
        let post = Post::new(encryption, &login, &["team@example.com"]).await;
        post.sink
            .require_login("me@example.com", &format!("{CANARY}/!"));
        post.send(&budget()).await.unwrap();
        let [received] = &post.sink.mails()[..] else {
            panic!("one mail over {encryption:?}");
        };
        assert!(received.encrypted);
        assert_eq!(received.user.as_deref(), Some("me@example.com"));
        assert_eq!(text(&received.content), budget().text());
    }
}

#[tokio::test]
async fn encryption_can_be_left_to_the_server() {
    for (encryption, encrypted) in [(Encryption::StartTls, true), (Encryption::None, false)] {
        let post = Post::with_query(encryption, "?tls=opportunistic").await;
        post.send(&budget()).await.unwrap();
        assert_eq!(post.sink.mails()[0].encrypted, encrypted);
    }
}

#[tokio::test]
async fn a_certificate_nobody_vouches_for_is_refused() {
    for encryption in [Encryption::StartTls, Encryption::Implicit] {
        let sink = SmtpSink::start(encryption).await.unwrap();
        let settings = by_mail(&sink.url_as(&format!("me:{CANARY}@")));
        let channels = Channels::new(&settings).unwrap();
        let error = channels.send(Channel::Email, &budget()).await.unwrap_err();
        assert_eq!(
            error.to_string(),
            "email: no mail was sent: invalid peer certificate: UnknownIssuer"
        );
        assert_eq!(error.retry(), Retry::Later);
        assert_eq!(sink.mails(), []);
    }
}

#[tokio::test]
async fn a_server_without_the_wanted_encryption_gets_nothing() {
    let sink = SmtpSink::start(Encryption::None).await.unwrap();
    let settings = by_mail(&format!("smtp://me:{CANARY}@{}?tls=required", sink.addr));
    let channels = Channels::new(&settings).unwrap();
    let error = channels.send(Channel::Email, &budget()).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "email: no mail was sent: STARTTLS is not supported on this server"
    );
    assert_eq!(error.retry(), Retry::Never);
    assert_eq!(sink.mails(), []);
}

#[tokio::test]
async fn a_wrong_password_is_called_that() {
    let login = format!("me:{CANARY}@");
    let post = Post::new(
        Encryption::None,
        &login,
        &["a@example.com", "b@example.com"],
    )
    .await;
    // The server repeats what it was sent.
    post.sink.require_login("me", "another");
    let error = post.refusal().await;
    assert_eq!(
        error.to_string(),
        "email: the mail server refuses the login (535); check the user and password in \
         notifications.email.smtp_url"
    );
    assert_eq!(error.retry(), Retry::Never);
    // So is none at all.
    let post = Post::plain().await;
    post.sink.require_login("me", "another");
    let error = post.refusal().await;
    assert!(
        error.to_string().contains("refuses the login (530)"),
        "{error}"
    );
    assert_eq!(error.retry(), Retry::Never);
}

#[tokio::test]
async fn what_is_refused_for_now_is_taken_later() {
    let post = Post::plain().await;
    post.sink.reply(["451 4.7.1 greylisted, come back"]);
    let error = post.refusal().await;
    assert_eq!(
        error.to_string(),
        "email: the mail server says 451 4.7.1 greylisted, come back"
    );
    assert_eq!(error.retry(), Retry::Later);
    assert_eq!(post.sink.mails(), []);
    post.send(&budget()).await.unwrap();
    post.send(&budget()).await.unwrap();
    // Sent again it is the same mail.
    let ids: Vec<_> = post
        .sink
        .mails()
        .iter()
        .map(|mail| message_id(&mail.content))
        .collect();
    assert_eq!(
        ids,
        [message_id(&post.sink.mails()[0].content), ids[0].clone()]
    );
    assert!(ids[0].starts_with(&budget().id.to_string()));
}

fn message_id(content: &str) -> String {
    let mail = MessageParser::default().parse(content).unwrap();
    mail.message_id().unwrap().to_owned()
}

#[tokio::test]
async fn what_is_refused_for_good_is_not_tried_again() {
    let post = Post::plain().await;
    post.sink
        .refuse("team@example.com", "550 5.1.1 no such user");
    let error = post.refusal().await;
    assert_eq!(
        error.to_string(),
        "email: the mail server says 550 5.1.1 no such user"
    );
    assert_eq!(error.retry(), Retry::Never);
}

#[tokio::test]
async fn one_refused_address_does_not_keep_the_others_from_it() {
    let to = ["a@example.com", "gone@example.com", "c@example.com"];
    let post = Post::new(Encryption::None, "", &to).await;
    post.sink
        .refuse("gone@example.com", "550 5.1.1 no such user");
    post.send(&budget()).await.unwrap();
    let received: Vec<_> = post.sink.mails().into_iter().map(|mail| mail.to).collect();
    assert_eq!(received, [["a@example.com"], ["c@example.com"]]);
    // Refused to all of them it is an error, for good or for now.
    for address in to {
        post.sink.refuse(address, "550 5.1.1 no such user");
    }
    assert_eq!(post.refusal().await.retry(), Retry::Never);
    post.sink.refuse("c@example.com", "452 4.2.2 mailbox full");
    assert_eq!(post.refusal().await.retry(), Retry::Later);
}

#[tokio::test]
async fn a_server_that_is_away_may_come_back() {
    let post = Post::plain().await;
    post.sink.set_down(true);
    assert_eq!(post.refusal().await.retry(), Retry::Later);
    post.sink.set_down(false);
    post.send(&budget()).await.unwrap();

    // Nobody listens on a port that was only just free.
    let free = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let channels = Channels::new(&by_mail(&format!("smtp://me:{CANARY}@{free}"))).unwrap();
    let error = channels.send(Channel::Email, &budget()).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "email: no mail was sent: Connection refused (os error 111)"
    );
    assert_eq!(error.retry(), Retry::Later);
}
