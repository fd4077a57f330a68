//! One message through one channel: mail, a web hook of one's own, Discord or
//! Slack.
//!
//! A [`Message`] says what an alert has to tell, a [`Notice`] what else there is; [`Channels`] are the ways that
//! the profile configures, and [`Channels::send`] tries one of them once. When
//! to try again is the caller's business: a [`SendError`] says whether it helps.
//! No error or log line of this room holds a hook's address or a password.
//!
//! A web hook of one's own is signed if it has a key: the header
//! `x-systemprompt-signature: t=<seconds since 1970>,v1=<hex>` holds the
//! HMAC-SHA256 of the seconds, a dot and the body. Receivers should refuse what
//! is minutes old, and know duplicates by the body's `id`.

mod amount;
mod channels;
mod chat;
mod email;
mod error;
mod escape;
mod http;
mod message;
mod notice;
mod webhook;

pub use amount::Unit;
pub use channels::{Channel, Channels, UnknownChannel};
pub use error::{NotifyError, Retry, SendError};
pub use http::client;
pub use message::{Message, Period};
pub use notice::{Notice, Told, Waiting};
