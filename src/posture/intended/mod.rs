//! What is meant to be: who may call what, by which way, and with which proof of who they are?
//!
//! An owner writes it down in `model.yaml`. An endpoint has what its app has unless it says else for
//! itself; what nobody wrote is not intended either way and decides nothing. At most 2,000 apps or
//! gateways with 50,000 endpoints in all, and 10,000 accepted risks.

mod compile;
mod draft;
mod index;
mod own;
mod read;
mod sites;
mod slots;

use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;

use crate::clock::Timestamp;

pub use draft::{Observed, draft};
pub use index::Index;
pub use read::MAX_BYTES;

/// A way for a caller to prove who it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Authentication {
    /// None: everybody may call.
    Anonymous,
    /// A function or host key.
    FunctionKey,
    /// The master key.
    AdminKey,
    /// A subscription key of API Management.
    SubscriptionKey,
    /// App Service Authentication.
    EasyAuth,
    /// A token that the gateway or the code checks.
    Jwt,
    /// A client certificate.
    ClientCertificate,
}

impl Authentication {
    /// Every way.
    pub const ALL: [Self; 7] = [
        Self::Anonymous,
        Self::FunctionKey,
        Self::AdminKey,
        Self::SubscriptionKey,
        Self::EasyAuth,
        Self::Jwt,
        Self::ClientCertificate,
    ];

    /// Returns its name, as `model.yaml` writes it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Anonymous => "anonymous",
            Self::FunctionKey => "function-key",
            Self::AdminKey => "admin-key",
            Self::SubscriptionKey => "subscription-key",
            Self::EasyAuth => "easy-auth",
            Self::Jwt => "jwt",
            Self::ClientCertificate => "client-certificate",
        }
    }
}

/// What is meant for an app, a gateway or an endpoint. An empty list or `None` says nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Meant {
    /// The ways of proof that are taken, one of which a caller must have.
    pub authentication: Vec<Authentication>,
    /// Who issues its tokens.
    pub issuers: Vec<String>,
    /// What its tokens are for.
    pub audiences: Vec<String>,
    /// The gateways through which alone it is called, lower case; `Some` and empty: straight.
    pub gateways: Option<Vec<String>>,
    /// The origins from which browsers may call.
    pub origins: Option<Vec<String>>,
    /// The networks from which it may be called.
    pub networks: Option<Vec<IpNet>>,
    /// Who calls it, for people: `shop-web`, `partners`.
    pub callers: Vec<String>,
}

/// An endpoint: a function of an app or an operation of a gateway.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// Its name as events have it, lower case: `app/function`, or `gateway/operation`.
    pub name: Arc<str>,
    /// Where it is called, where that is not its name: `orders/{id}` below the app's prefix, or a whole path.
    pub route: Option<String>,
    /// What is meant for it, what its app says included.
    pub meant: Meant,
    /// Its line in the file.
    pub line: usize,
}

impl Endpoint {
    /// Tells whether it is meant to be open to anybody.
    pub fn is_open(&self) -> bool {
        self.meant.authentication == [Authentication::Anonymous]
    }
}

/// An app or a gateway.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Site {
    /// Its name, lower case; of a deployment slot `app/slot`.
    pub name: Arc<str>,
    /// Whether it is a gateway (API Management).
    pub gateway: bool,
    /// Who answers for it.
    pub owner: Option<String>,
    /// Whether its data is worth more care than most.
    pub sensitive: bool,
    /// What is meant for all its endpoints.
    pub meant: Meant,
    /// What stands before the routes of an app, without slashes; `None`: `api`.
    pub route_prefix: Option<String>,
    /// What its identity may reach, lower case names of vaults, accounts, servers; `None`: not said.
    pub reaches: Option<Vec<String>>,
    /// Its endpoints; what else it has is not declared if `complete`.
    pub endpoints: Vec<Endpoint>,
    /// Whether these are all of its endpoints.
    pub complete: bool,
    /// Its line in the file.
    pub line: usize,
}

/// A risk that somebody answers for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// The control that is not held.
    pub control: String,
    /// The element, lower case, as controls name it.
    pub element: String,
    /// Who answers for it.
    pub owner: String,
    /// Why.
    pub reason: String,
    /// When that ends.
    pub expires: Timestamp,
    /// Its line in the file.
    pub line: usize,
}

impl Accepted {
    /// Says that it has ended or will within `soon`, and what to do; `None` while it holds for long.
    pub fn warning(&self, now: Timestamp, soon: Duration) -> Option<String> {
        let (risk, owner, end) = (format!("{} on {}", self.control, self.element), &self.owner, self.expires);
        if end <= now {
            Some(format!("{risk}, accepted by {owner}, has ended at {end}: mend it, or accept it anew"))
        } else if end <= now.plus(soon) {
            Some(format!("{risk}, accepted by {owner}, ends at {end}: mend it, or accept it anew"))
        } else {
            None
        }
    }
}

/// Who has looked at the model as a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Review {
    /// Who.
    pub by: String,
    /// When.
    pub on: Timestamp,
    /// Which version.
    pub version: String,
}

/// What an owner has written down.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Intended {
    /// The version of the model.
    pub version: String,
    /// Its reviews, in the order of the file.
    pub reviews: Vec<Review>,
    /// Apps and gateways, by name.
    pub sites: Vec<Site>,
    /// Accepted risks.
    pub accepted: Vec<Accepted>,
}
