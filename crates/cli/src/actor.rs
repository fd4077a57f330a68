//! Whom the audit trail names for what is done here: the account of the operating
//! system that runs the command. Whoever has the database's credentials may do it all,
//! so this tells people apart that the operator trusts; it keeps nobody out.

use std::fs;
use std::sync::LazyLock;

/// `cli:` and the name of the account, or its number where it has none here.
pub(crate) fn actor() -> &'static str {
    static ACTOR: LazyLock<String> = LazyLock::new(|| {
        let number = rustix::process::getuid().as_raw();
        // Not from the environment, where anybody may be named.
        let accounts = fs::read_to_string("/etc/passwd").unwrap_or_default();
        let name = name_of(&accounts, number).unwrap_or_else(|| number.to_string());
        format!("cli:{name}")
    });
    &ACTOR
}

/// The name of an account, from lines as in `/etc/passwd`.
fn name_of(accounts: &str, number: u32) -> Option<String> {
    accounts.lines().find_map(|line| {
        let mut fields = line.split(':');
        let (name, _, own) = (fields.next()?, fields.next()?, fields.next()?);
        (own.parse() == Ok(number) && !name.is_empty()).then(|| name.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accounts_are_found_by_their_numbers() {
        let accounts =
            "root:x:0:0:root:/root:/bin/sh\n# a comment\nada:x:1000:1000::/home/ada:\n:x:7:\n";
        assert_eq!(name_of(accounts, 1000).as_deref(), Some("ada"));
        assert_eq!(name_of(accounts, 0).as_deref(), Some("root"));
        for unknown in [7, 100] {
            assert_eq!(name_of(accounts, unknown), None);
        }
        assert!(
            actor()
                .strip_prefix("cli:")
                .is_some_and(|name| !name.is_empty())
        );
    }
}
