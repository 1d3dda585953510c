//! What did Azure write, and what does it mean?
//!
//! Bytes arrive as a [`Batch`] of messages, the redactor turns that into a [`Scanned`] batch
//! without secrets, and [`decode`] makes one [`Event`] of each record. An event borrows
//! everything from the batch and an arena, so that a record which hides nothing costs next to no
//! allocation. This room imports no other: what all rooms share (entities, positions, sightings
//! of secrets) is defined here.

pub mod avx2;
mod batch;
mod category;
pub mod decode;
mod entity;
mod event;
mod field;
mod hidden;
mod index;
mod known;
pub mod marvin;
mod named;
mod names;
mod outcome;
mod position;
mod scanned;
mod sighting;
mod text;

pub use batch::{Batch, Mark, MessageAt};
pub use category::{Category, Kind};
pub use decode::{Address, Decoder, NoPath, RawPath, RawPaths, Seen, address, decode, escaped_texts};
pub use entity::{Entity, EntityKind};
pub use event::{Client, Decision, Event, FrontDoor, Identity, IdentityKind, Key, Layer, Request, Response, Stage};
pub use field::{Field, Value};
pub use hidden::hides;
pub use known::{Intent, Inventoried, Known, Place, Spot};
pub use named::{MOST_NAME, cut_name, written};
pub use names::{SharedNames, sayable, sayable_whole};
pub use outcome::{Outcome, Reason, Transport};
pub use position::{Position, StreamId, StreamName, Streams};
pub use scanned::{Scanned, ScannedMessage, Undecodable, UndecodableReason};
pub use sighting::{About, Confidence, Fingerprint, Original, Privilege, Sighting};
pub use text::{Layers, Text};
