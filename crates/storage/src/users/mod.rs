//! Users, their sessions and one-time links. Every change is audited in its own
//! transaction; secrets are stored as hashes.

mod accounts;
mod links;
mod name;
mod password;
mod secret;
mod sessions;
mod throttle;

pub use accounts::{
    Credentials, NewUser, User, any, create, credentials, list, rehash, set_disabled, set_password,
};
pub use links::{LINK_LIFETIME, Link, first, invite, look_up, redeem_first, redeem_invitation};
pub use name::{NameError, Role, UserName};
pub use password::{Busy, Checked, Password, PasswordError, Passwords, check};
pub use secret::Secret;
pub use sessions::{Client, Policy, Session, begin, end, end_all, end_others, find, of};
pub(crate) use throttle::account;
pub use throttle::{Attempt, attempt, failed};

/// Why users cannot be read or changed.
#[derive(Debug, thiserror::Error)]
pub enum UsersError {
    /// The database fails.
    #[error("the users in the database cannot be read or changed: {0}")]
    Database(#[from] sqlx::Error),
    /// There is a user of that name already.
    #[error("there is a user called {0} already")]
    Taken(String),
    /// Nobody has that name.
    #[error("no user is called {0}; `systemprompt admin user list` shows them")]
    Unknown(String),
    /// The one-time link was used, replaced or is too old.
    #[error(
        "this link is not valid any more; `systemprompt admin user password NAME` makes a new one"
    )]
    LinkGone,
}
