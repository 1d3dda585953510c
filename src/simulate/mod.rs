//! What would a fleet under attack write?
//!
//! A [`World`] is six function apps, two gateways and their callers over a stretch of event time:
//! its messages are what Azure would send, with Azure's quirks, and its [`Label`]s say which
//! attacks are in them. The same [`Options`] give the same bytes on every platform and in every
//! version, so demo, tests and drills share one truth. [`Weeks`] are the same fleet over a month, for
//! measuring detection. Memory does not grow with the run but for a plan of what is to come.

mod activity_log;
mod attacks;
mod configured;
mod directory_logs;
mod edge_logs;
mod fleet;
mod function_logs;
mod gateway_logs;
mod http_logs;
mod insights_logs;
mod json;
mod keys;
mod other_logs;
mod packer;
mod platform_logs;
mod rng;
mod scene;
mod stage;
mod storage_logs;
mod traffic;
mod weeks;
mod world;

pub use attacks::{AttackInfo, Label, catalogue};
pub use configured::{Weakness, configured, intended};
pub use fleet::{WebhookKey, app_names};
pub use packer::{Message, Tally};
pub use scene::{SCENE, Step};
pub use weeks::{Weeks, weeks_catalogue};
pub use world::{Options, UnknownAttack, World};
