//! What is configured, by what teams have in their repositories?
//!
//! [`read`] takes files one by one, knows each by its name and content, and makes one [`Model`] of
//! them: no credentials, no network. A file that can't be read is a problem with its line, and the
//! others are read all the same. A value that is known at deployment only stays unknown; nothing is
//! guessed. Files are at most 64 MB.

mod apim;
mod apiops;
mod arm;
mod code;
mod element;
mod files;
mod host;
mod json;
mod link;
mod model;
mod openapi;
mod place;
mod secrets;
mod setting;
mod terraform;
mod tokens;
mod walk;

pub use apim::{
    Effective, Gap, Gateways, Policies, Policy, PolicyScope, Run, SECTIONS, Statement, is_expression, policy_name,
};
pub use arm::{is_narrow, segments};
pub use element::{Element, Given, Sort, Value};
pub use files::{Load, MAX_BYTES, read};
pub use model::{Link, Model};
pub use place::Place;
pub use setting::Setting;
pub use walk::{Found, Unwalked, files};
