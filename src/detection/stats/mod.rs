//! What has an entity done lately, told in little memory?

mod compact;
mod different;
mod measures;
#[cfg(test)]
pub mod plain_shares;
#[cfg(test)]
pub mod plainly;
mod quantiles;
mod season;
mod shares;
mod sums;
mod tally;
mod uniques;
mod values;

pub use different::Different;
pub use measures::Measures;
pub use quantiles::Quantiles;
pub use season::{Normal, Season};
pub use shares::{Proportion, Shares};
pub use sums::Sums;
pub use tally::Tally;
pub use uniques::Uniques;
pub use values::Values;
