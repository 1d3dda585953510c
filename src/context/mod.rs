//! What is known about an event's address, key or app beside what the record says?
//!
//! Behind gateways the address of a record is the last hop's. [`Topology`] knows from the
//! configuration which hops may be believed and which app lies behind which gateway; [`Context`] knows
//! where an address lies, which lists hold it, what should be there, whose it is, and what was meant. Both answer
//! with values and change nothing, hold what configuration and files name, and never grow.

mod formats;
mod hops;
mod intent;
mod inventory;
mod lists;
mod lookup;
mod networks;
mod path;
mod places;
mod prefixes;
mod problem;
mod route;
mod rule;
mod settings;
mod topology;

pub use hops::{Hops, Reached};
pub use intent::{Act, IntentEndpoint, IntentSite, Intents, Shown};
pub use inventory::{Inventory, Named};
pub use lists::{About, Column, Form, KNOWN_EGRESS, ListSettings, Lists};
pub use lookup::{Asked, Context, Memo};
pub use networks::Networks;
pub use path::plain_path;
pub use places::Places;
pub use prefixes::{MAX_LISTS, Prefixes};
pub use problem::ContextProblem;
pub use rule::{Rule, Via};
pub use settings::{
    AppSettings, ClientSettings, ContextSettings, GatewaySettings, Hop, InventorySettings, KeySettings, OriginSettings,
    day,
};
pub use topology::{Client, Found, Seen, Topology, Where};

#[cfg(test)]
mod made;
