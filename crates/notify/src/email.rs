//! Mail through an SMTP server.

use std::fs;
use std::time::Duration;

use lettre::address::Envelope;
use lettre::message::Mailbox;
use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::transport::smtp;
use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters};
use lettre::transport::smtp::response::Category;
use lettre::{AsyncSmtpTransport, AsyncTransport, Tokio1Executor};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use systemprompt_config::Email;
use url::Url;

use crate::channels::Channel;
use crate::error::{NotifyError, Retry, SendError, root_cause};
use crate::notice::Told;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Mail servers let strangers wait on purpose.
const TIMEOUT: Duration = Duration::from_secs(60);

/// Answers to a login that cannot succeed, and to mail without one.
const LOGIN_REFUSED: [u16; 4] = [530, 534, 535, 538];

/// A mail server, who writes and who reads.
pub(crate) struct Mailer {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
    to: Vec<Mailbox>,
    timeout: Duration,
}

impl Mailer {
    pub(crate) fn new(settings: &Email) -> Result<Self, NotifyError> {
        let url = settings.smtp_url.expose();
        let mut transport = AsyncSmtpTransport::<Tokio1Executor>::from_url(url)
            .map_err(|_| NotifyError::SmtpUrl)?
            .timeout(Some(CONNECT_TIMEOUT));
        if settings.ca_file.is_some() {
            transport = transport.tls(tls(settings)?);
        }
        let mailbox = |key: String, text: &str| {
            let parsed = text.parse::<Mailbox>();
            parsed.map_err(|_| NotifyError::Address { key })
        };
        let to = settings.to.iter().enumerate();
        Ok(Self {
            transport: transport.build(),
            from: mailbox("notifications.email.from".to_owned(), &settings.from)?,
            to: to
                .map(|(i, to)| mailbox(format!("notifications.email.to[{i}]"), to))
                .collect::<Result<_, _>>()?,
            timeout: TIMEOUT,
        })
    }

    pub(crate) async fn send(&self, message: Told<'_>) -> Result<(), SendError> {
        let mail = self.mail(&message);
        let bytes = mail.formatted();
        let delivery = self.deliver(mail.envelope(), &bytes);
        let late = |_| SendError::later(Channel::Email, "the mail server does not answer in time");
        tokio::time::timeout(self.timeout, delivery)
            .await
            .map_err(late)?
    }

    fn mail(&self, message: &Told<'_>) -> lettre::Message {
        let id = format!(
            "<{}@systemprompt.{}>",
            message.id(),
            self.from.email.domain()
        );
        // Nobody's absence note is to answer it (RFC 3834).
        let automatic = HeaderValue::new(
            HeaderName::new_from_ascii_str("Auto-Submitted"),
            "auto-generated".to_owned(),
        );
        let mut mail = lettre::Message::builder()
            .message_id(Some(id))
            .from(self.from.clone())
            .subject(message.subject())
            .raw_header(automatic)
            .header(ContentType::TEXT_PLAIN);
        for to in &self.to {
            mail = mail.to(to.clone());
        }
        mail.body(message.text())
            .expect("it has a sender and recipients")
    }

    async fn deliver(&self, envelope: &Envelope, mail: &[u8]) -> Result<(), SendError> {
        match self.transport.send_raw(envelope, mail).await {
            Ok(_) => Ok(()),
            Err(error) if envelope.to().len() > 1 && is_refused(&error) => {
                self.deliver_to_each(envelope, mail).await
            }
            Err(error) => Err(explain(&error)),
        }
    }

    /// One refused address refuses the mail for all, so nobody has it yet: the
    /// others still get it. Only if none does is it an error.
    async fn deliver_to_each(&self, envelope: &Envelope, mail: &[u8]) -> Result<(), SendError> {
        let mut refused = Vec::new();
        for to in envelope.to() {
            let alone = Envelope::new(envelope.from().cloned(), vec![to.clone()])
                .expect("it has a recipient");
            if let Err(error) = self.transport.send_raw(&alone, mail).await {
                refused.push((to, explain(&error)));
            }
        }
        if refused.len() == envelope.to().len() {
            // One that may take it later is worth another attempt.
            let errors = refused.into_iter().map(|(_, error)| error);
            return errors
                .max_by_key(|error| error.retry() != Retry::Never)
                .map_or(Ok(()), Err);
        }
        for (to, error) in refused {
            tracing::warn!(%to, %error, "an alert did not reach one of its recipients");
        }
        Ok(())
    }
}

/// The encryption that the address asks for, with more authorities to trust.
fn tls(settings: &Email) -> Result<Tls, NotifyError> {
    let path = settings.ca_file.clone().unwrap_or_default();
    let content = || NotifyError::CaFileContent { path: path.clone() };
    let pem = fs::read(&path).map_err(|source| {
        let path = path.clone();
        NotifyError::CaFile { path, source }
    })?;
    if CertificateDer::pem_slice_iter(&pem).next().is_none() {
        return Err(content());
    }
    let authorities = Certificate::from_pem(&pem).map_err(|_| content())?;
    let url = Url::parse(settings.smtp_url.expose()).map_err(|_| NotifyError::SmtpUrl)?;
    let host = url.host_str().ok_or(NotifyError::SmtpUrl)?;
    let parameters = TlsParameters::builder(host.to_owned())
        .add_root_certificate(authorities)
        .build_rustls()
        .map_err(|_| content())?;
    let wanted = url.query_pairs().find(|(key, _)| key == "tls");
    Ok(
        match (url.scheme(), wanted.as_ref().map(|(_, tls)| &**tls)) {
            ("smtps", _) => Tls::Wrapper(parameters),
            (_, Some("required")) => Tls::Required(parameters),
            (_, Some(_)) => Tls::Opportunistic(parameters),
            (_, None) => Tls::None,
        },
    )
}

/// Whether the server refuses the mail, and not whom it comes from.
fn is_refused(error: &smtp::Error) -> bool {
    let code = error.status().map(u16::from);
    error.is_permanent() && code.is_some_and(|code| !LOGIN_REFUSED.contains(&code))
}

fn explain(error: &smtp::Error) -> SendError {
    let Some(code) = error.status() else {
        let reason = format!("no mail was sent: {}", root_cause(error));
        return if error.is_client() {
            // The server lacks what the settings ask for.
            SendError::never(Channel::Email, reason)
        } else {
            SendError::later(Channel::Email, reason)
        };
    };
    let number = u16::from(code);
    if LOGIN_REFUSED.contains(&number) {
        let reason = format!(
            "the mail server refuses the login ({number}); check the user and password in \
             notifications.email.smtp_url"
        );
        return SendError::never(Channel::Email, reason);
    }
    // Only replies about the mail are shown: those about a login may repeat it.
    let about_mail = code.category == Category::MailSystem && number != 454;
    let reason = if about_mail {
        format!("the mail server says {number} {}", root_cause(error))
    } else {
        format!("the mail server says {number}")
    };
    if error.is_permanent() {
        SendError::never(Channel::Email, reason)
    } else {
        SendError::later(Channel::Email, reason)
    }
}

#[cfg(test)]
mod tests {
    use systemprompt_config::Email;
    use time::OffsetDateTime;
    use tokio::net::TcpListener;

    use super::*;
    use crate::message::Message;

    #[tokio::test]
    async fn a_silent_server_is_not_waited_for() {
        // Its connections are made by the system; nobody ever speaks.
        let silent = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = silent.local_addr().expect("it is bound");
        let settings = Email {
            smtp_url: format!("smtp://{address}").into(),
            from: "a@example.com".to_owned(),
            to: vec!["b@example.com".to_owned()],
            ca_file: None,
        };
        let mut mailer = Mailer::new(&settings).expect("valid settings");
        mailer.timeout = Duration::from_millis(50);
        let message = Message::test(OffsetDateTime::now_utc());
        let error = mailer
            .send((&message).into())
            .await
            .expect_err("nobody took it");
        assert_eq!(error.retry(), Retry::Later);
        assert_eq!(
            error.to_string(),
            "email: the mail server does not answer in time"
        );
    }
}
