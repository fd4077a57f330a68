//! The session's cookie. Only on a plain connection of this machine to itself
//! does it lack the marks that bind it to this host and to encryption: browsers
//! do not take them there.

use http::header::COOKIE;
use http::{HeaderMap, HeaderValue};

const SECURE: &str = "__Host-systemprompt";
const PLAIN: &str = "systemprompt";

const fn name(secure: bool) -> &'static str {
    if secure { SECURE } else { PLAIN }
}

/// The session id in a request's cookies.
pub(super) fn read(headers: &HeaderMap, secure: bool) -> Option<String> {
    let lines = headers.get_all(COOKIE).iter();
    let pairs = lines.filter_map(|line| line.to_str().ok());
    pairs
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(key, _)| *key == name(secure))
        .map(|(_, value)| value.to_owned())
}

/// Gives a browser a session id.
pub(super) fn set(id: &str, secure: bool) -> HeaderValue {
    cookie(id, "", secure)
}

/// Takes it away again.
pub(super) fn clear(secure: bool) -> HeaderValue {
    cookie("", "; Max-Age=0", secure)
}

fn cookie(id: &str, age: &str, secure: bool) -> HeaderValue {
    let mark = if secure { "; Secure" } else { "" };
    let text = format!(
        "{}={id}; Path=/{mark}; HttpOnly; SameSite=Strict{age}",
        name(secure)
    );
    HeaderValue::try_from(text).expect("ids are hex digits")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_connection_has_its_own_cookie() {
        let mut headers = HeaderMap::new();
        headers.append(COOKIE, HeaderValue::from_static("a=b; systemprompt=plain"));
        headers.append(
            COOKIE,
            HeaderValue::from_static("__Host-systemprompt=bound"),
        );
        assert_eq!(read(&headers, true).as_deref(), Some("bound"));
        assert_eq!(read(&headers, false).as_deref(), Some("plain"));
        assert_eq!(read(&HeaderMap::new(), false), None);
        assert_eq!(
            set("1f", true),
            "__Host-systemprompt=1f; Path=/; Secure; HttpOnly; SameSite=Strict"
        );
        assert_eq!(
            set("1f", false),
            "systemprompt=1f; Path=/; HttpOnly; SameSite=Strict"
        );
        assert_eq!(
            clear(true),
            "__Host-systemprompt=; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age=0"
        );
    }
}
