//! What does one request leave behind in the logs?
//!
//! A [`Call`] through a gateway writes the gateway's record, the backend's access log and what the
//! function logs; a call that the gateway refuses writes one record. The [`Stage`] holds what
//! they all need; each category is written in a file of its own.

use std::net::IpAddr;
use std::ops::Range;
use std::time::Duration;

use crate::clock::Timestamp;

use super::fleet::{APPS, Fleet, Function};
use super::packer::Packer;
use super::rng::Rng;
use super::weeks::Calendar;

/// Why a gateway refused, as its `lastError` says.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) status: u16,
    pub(super) source: &'static str,
    pub(super) reason: &'static str,
    pub(super) message: &'static str,
}

const fn refusal(status: u16, source: &'static str, reason: &'static str, message: &'static str) -> Refusal {
    Refusal { status, source, reason, message }
}

pub(super) static KEY_INVALID: Refusal = refusal(
    401,
    "authorization",
    "SubscriptionKeyInvalid",
    "Access denied due to invalid subscription key. Make sure to provide a valid key for an active subscription.",
);
pub(super) static KEY_MISSING: Refusal = refusal(
    401,
    "authorization",
    "SubscriptionKeyNotFound",
    "Access denied due to missing subscription key. Make sure to include subscription key when making requests to an API.",
);
pub(super) static TOKEN_EXPIRED: Refusal = refusal(
    401,
    "validate-jwt",
    "TokenExpired",
    "IDX10223: Lifetime validation failed. The token is expired. Access denied.",
);
pub(super) static TOKEN_SIGNATURE: Refusal = refusal(
    401,
    "validate-jwt",
    "TokenSignatureInvalid",
    "IDX10511: Signature validation failed. Keys tried: 2. Access denied.",
);
pub(super) static TOKEN_ISSUER: Refusal = refusal(
    401,
    "validate-jwt",
    "TokenIssuerNotAllowed",
    "IDX10205: Issuer validation failed. Issuer did not match. Access denied.",
);
pub(super) static SIGNING_KEY: Refusal = refusal(
    401,
    "validate-jwt",
    "TokenSignatureKeyNotFound",
    "IDX10501: Signature validation failed. Unable to match key. Access denied.",
);
pub(super) static NO_OPERATION: Refusal =
    refusal(404, "configuration", "OperationNotFound", "Unable to match incoming request to an operation.");
pub(super) static QUOTA: Refusal =
    refusal(403, "quota", "QuotaExceeded", "Out of call volume quota. Quota will be replenished in 07:42:10.");
pub(super) static RATE: Refusal = refusal(429, "rate-limit", "RateLimitExceeded", "Rate limit is exceeded");
pub(super) static BACKEND: Refusal =
    refusal(500, "forward-request", "BackendConnectionFailure", "Error occurred while calling backend service.");

/// One request and how it was answered.
#[derive(Clone, Copy, Debug)]
pub(super) struct Call<'a> {
    pub(super) at: Timestamp,
    pub(super) app: usize,
    /// The function it reaches; `None` for the host's own pages and for paths that do not exist.
    pub(super) function: Option<&'static Function>,
    pub(super) method: &'a str,
    /// The path on the app, such as `/api/orders/17`.
    pub(super) path: &'a str,
    pub(super) query: &'a str,
    pub(super) status: u16,
    pub(super) ip: IpAddr,
    pub(super) agent: &'a str,
    pub(super) origin: &'a str,
    pub(super) allow_origin: &'a str,
    pub(super) subscription: &'a str,
    pub(super) refusal: Option<&'static Refusal>,
    /// Asked at the deployment site, `<app>.scm.azurewebsites.net`.
    pub(super) scm: bool,
    /// The `X-Forwarded-For` that the client itself sends.
    pub(super) forwarded: &'a str,
}

impl<'a> Call<'a> {
    /// Returns a `GET` of `path` on `app` that is answered 200.
    pub(super) fn new(at: Timestamp, app: usize, path: &'a str, ip: IpAddr) -> Self {
        Self {
            at,
            app,
            function: None,
            method: "GET",
            path,
            query: "",
            status: 200,
            ip,
            agent: "",
            origin: "",
            allow_origin: "",
            subscription: "",
            refusal: None,
            scm: false,
            forwarded: "",
        }
    }

    /// Returns a call of `function`, by its number, at `path`.
    pub(super) fn of(at: Timestamp, app: usize, function: usize, path: &'a str, ip: IpAddr) -> Self {
        let function = &APPS[app].functions[function];
        Self { function: Some(function), method: function.method, ..Self::new(at, app, path, ip) }
    }

    /// Returns this call, refused by the gateway.
    pub(super) fn refused(self, refusal: &'static Refusal) -> Self {
        Self { status: refusal.status, refusal: Some(refusal), ..self }
    }
}

/// Returns the path of function `number` on `app`, with an id in it where it takes one.
pub(super) fn path_of(app: usize, number: usize, rng: &mut Rng) -> String {
    let (before, after) =
        APPS[app].functions[number].path.split_once("{}").unwrap_or((APPS[app].functions[number].path, ""));
    if before.len() == APPS[app].functions[number].path.len() {
        return format!("/api{before}");
    }
    format!("/api{before}{}{after}", 10_000 + rng.below(80_000))
}

/// The world while it writes.
#[derive(Debug)]
pub(super) struct Stage {
    pub(super) fleet: Fleet,
    pub(super) packer: Packer,
    /// Used again for every record's `properties`.
    pub(super) scratch: String,
    /// Apps that write nothing during these times.
    pub(super) quiet: Vec<(usize, Range<Timestamp>)>,
    /// Which days are like no others; none in the short world.
    pub(super) calendar: Calendar,
}

impl Stage {
    /// Tells whether `app` writes nothing at `at`.
    pub(super) fn silent(&self, app: usize, at: Timestamp) -> bool {
        self.quiet.iter().any(|(quiet, when)| *quiet == app && when.contains(&at))
    }

    /// Plays a call through its app's gateway, or straight to an app that has none.
    pub(super) fn call(&mut self, call: &Call<'_>, rng: &mut Rng) {
        let Some((gateway, _)) = APPS[call.app].gateway else {
            return self.direct(call, rng);
        };
        let correlation = rng.guid();
        self.gateway(call, correlation, rng);
        if call.refusal.is_none() && call.method != "OPTIONS" {
            let behind = Call { ip: super::gateway_logs::egress(gateway), agent: "", ..*call };
            self.direct(&behind, rng);
        }
    }

    /// Plays a call that reaches the app without a gateway.
    pub(super) fn direct(&mut self, call: &Call<'_>, rng: &mut Rng) {
        if self.silent(call.app, call.at) {
            return;
        }
        self.web(call, rng);
        if let Some(function) = call.function.filter(|_| call.status < 400 || call.status >= 500) {
            let reason = "This function was programmatically called via the host APIs.";
            self.run(call.at, call.app, function, reason, call.status < 500, rng);
        }
    }
}

/// Returns `at` moved later by up to `millis` milliseconds, to the 100 ns that Azure writes.
pub(super) fn jitter(at: Timestamp, millis: u64, rng: &mut Rng) -> Timestamp {
    at.plus(Duration::from_nanos(rng.below(millis * 10_000) * 100))
}
