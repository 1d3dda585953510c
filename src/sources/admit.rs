//! Who may send records over HTTP, and why is a request not taken in?
//!
//! Whoever runs the daemon says who may, and hears of each request that was turned away with one of a
//! closed list of reasons, for its figures and its audit. Nothing is kept here.

use std::net::IpAddr;
use std::time::Duration;

use axum::http::{HeaderMap, StatusCode};

/// Says who may send, and hears of what was not taken in.
pub trait Admit: Send + Sync {
    /// Returns under which name `bearer`, the token of the `Authorization` header, may send records;
    /// `from` is the address that shows it.
    ///
    /// # Errors
    ///
    /// Says why it may not.
    fn admit(&self, bearer: Option<&str>, from: Option<IpAddr>) -> Result<String, Unwelcome>;

    /// Hears, once a request, that it was not taken in. Must not block.
    fn turned_away(&self, away: &Away<'_>);
}

impl<F: Fn(Option<&str>) -> bool + Send + Sync> Admit for F {
    fn admit(&self, bearer: Option<&str>, _: Option<IpAddr>) -> Result<String, Unwelcome> {
        if self(bearer) { Ok("anybody".to_owned()) } else { Err(Unwelcome::Unknown) }
    }

    fn turned_away(&self, _: &Away<'_>) {}
}

/// Why somebody may not send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unwelcome {
    /// There is no token, or it is not known. Answered with `401`.
    Unknown,
    /// The token of this name is known and may not send records. Answered with `403`.
    NoRole(String),
    /// Too much from this address was wrong. Answered with `429`, to come again after that long.
    TooOften(Duration),
    /// Whether the token is known can't be told now. Answered with `503`, so that senders keep what they have.
    Unsure,
}

/// A request that was not taken in.
#[derive(Clone, Copy, Debug)]
pub struct Away<'r> {
    /// Why.
    pub reason: Reason,
    /// Whose token it showed, if that is known.
    pub who: Option<&'r str>,
    /// From where it came.
    pub from: Option<IpAddr>,
    /// Its headers.
    pub headers: &'r HeaderMap,
}

/// Why a request is not taken in: each has its status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    /// No token that is known.
    Token,
    /// A token that may not send.
    Role,
    /// Too much from this address was wrong.
    TooOften,
    /// A body that is not what it says.
    Malformed,
    /// A type or an encoding that is not known.
    Media,
    /// A body that did not arrive in time.
    Slow,
    /// A body that is too large.
    TooLarge,
    /// A body that can't be searched for secrets.
    Unscannable,
    /// The spool is full.
    Full,
    /// Too many requests at once, the daemon stops, or the disk fails.
    Unavailable,
}

impl Reason {
    /// Returns its name, as figures have it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Token => "token",
            Self::Role => "role",
            Self::TooOften => "too_often",
            Self::Malformed => "malformed",
            Self::Media => "media_type",
            Self::Slow => "slow",
            Self::TooLarge => "too_large",
            Self::Unscannable => "unscannable",
            Self::Full => "spool_full",
            Self::Unavailable => "unavailable",
        }
    }

    /// Returns what it is answered with.
    pub(super) const fn status(self) -> StatusCode {
        match self {
            Self::Token => StatusCode::UNAUTHORIZED,
            Self::Role => StatusCode::FORBIDDEN,
            Self::TooOften | Self::Full => StatusCode::TOO_MANY_REQUESTS,
            Self::Malformed => StatusCode::BAD_REQUEST,
            Self::Media => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Slow => StatusCode::REQUEST_TIMEOUT,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Unscannable => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        }
    }
}
