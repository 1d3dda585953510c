//! How do the events of several rules count together? A [`Plan`] is a Sigma correlation, ready to run.
//!
//! A plan is a small tree, kept as a list in which children come before their parents: leaves are steps, which
//! [`Signal::step`](super::Signal::step) names, and a node happens whenever its condition holds at an event of one of
//! its children. The last node is the whole; at most 32 nodes and 64 steps.

use std::time::Duration;

pub use super::sigma::Compare;

/// Nodes of a plan, at most.
pub(super) const MAX_NODES: usize = 32;
/// Steps of a plan, at most.
pub(super) const MAX_STEPS: usize = 64;

/// A correlation.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Plan {
    /// Children before parents; the last is the whole.
    pub nodes: Vec<Node>,
}

/// A correlation of some of the steps and nodes before it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Node {
    /// Whose events it takes, in order.
    pub inputs: Vec<Input>,
    /// How they count.
    pub joint: Joint,
    /// The window, both edges included.
    pub within: Duration,
}

/// Whose events a node takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Input {
    /// Those of a step.
    Step(u8),
    /// Those at which another node's condition holds.
    Node(u8),
}

/// How a node's events count.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Joint {
    /// By their number.
    Count(Vec<Limit>),
    /// By the number of their different values.
    Values(Vec<Limit>),
    /// So many different inputs, in any order.
    Together(u32),
    /// All inputs, in order.
    Ordered,
    /// By the sum of their values.
    Sum(Vec<Limit>),
    /// By the average of their values.
    Average(Vec<Limit>),
    /// By a percentile of their values.
    Percentile(u8, Vec<Limit>),
    /// By how many of a hundred events have the value that this one has.
    Share(Vec<Limit>),
}

/// What a number must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Limit {
    /// How it must stand.
    pub how: Compare,
    to: u64,
}

impl Limit {
    /// Returns the limit that stands so to `to`.
    pub fn new(how: Compare, to: f64) -> Self {
        Self { how, to: to.to_bits() }
    }

    /// Returns the number compared with.
    pub fn to(self) -> f64 {
        f64::from_bits(self.to)
    }

    /// Tells whether `number` keeps all of `limits`.
    pub fn all_hold(limits: &[Self], number: f64) -> bool {
        limits.iter().all(|limit| limit.how.holds(number, limit.to()))
    }
}

impl Node {
    /// Tells whether it takes one event of each of its steps, so that how long they took is what counts.
    pub fn is_row(&self) -> bool {
        let all = match self.joint {
            Joint::Ordered => true,
            Joint::Together(least) => least as usize == self.inputs.len(),
            _ => false,
        };
        all && self.inputs.iter().all(|input| matches!(input, Input::Step(_)))
    }
}

impl Plan {
    /// Returns the longest time that what it remembers can matter: all windows, one after the other.
    pub fn span(&self) -> Duration {
        self.nodes.iter().fold(Duration::ZERO, |span, node| span.saturating_add(node.within))
    }

    /// Tells whether an event of `step` may be the first that it needs.
    pub fn begins_with(&self, step: u8) -> bool {
        let Some(root) = self.nodes.len().checked_sub(1) else { return false };
        self.begins(root, step)
    }

    fn begins(&self, node: usize, step: u8) -> bool {
        let Some(node) = self.nodes.get(node) else { return false };
        let inputs = if node.joint == Joint::Ordered { node.inputs.get(..1).unwrap_or_default() } else { &node.inputs };
        inputs.iter().any(|input| match input {
            Input::Step(own) => *own == step,
            Input::Node(child) => self.begins(usize::from(*child), step),
        })
    }
}
