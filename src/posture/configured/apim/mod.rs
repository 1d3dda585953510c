//! What does a gateway do with a request, from the policies of all scopes together?
//!
//! Policies are XML with C# in them, inherited from the gateway through product and API to the
//! operation where `<base/>` stands, and put together from fragments. [`Gateways`] holds them;
//! [`Gateways::effective`] says which statements run.

mod effective;
mod expressions;
mod gateways;
mod policy;

pub use effective::{Effective, Gap, Run};
pub use gateways::{Gateways, Policies, PolicyScope, policy_name};
pub use policy::{Policy, SECTIONS, Statement, is_expression};
