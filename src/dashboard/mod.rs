//! What does a person see?
//!
//! Server-rendered pages that work without JavaScript, and a live stream beside them. Alerts are
//! read from the store; entities, sources and lag from the [`Board`], which the pipeline fills:
//! no page ever waits for the pipeline, nor the pipeline for a page. What attackers wrote is
//! escaped by every template, and its control characters are made visible.

mod acting;
mod api;
mod app;
mod assets;
mod board;
mod changes;
mod coverage;
mod door;
mod filter;
mod live;
mod pages;
mod pretty;
mod probes;
mod readers;
mod router;
mod tap;
mod tapping;
mod visible;
mod words;

pub use acting::Ask;
pub use api::document::openapi;
pub use app::Parts;
pub use board::{Board, DetectorSeen, ElementSeen, ExceptionSeen, Health, SinkSeen, SourceSeen, StreamSeen};
pub use changes::{ChangeNote, Changes, Missed};
pub use router::{router, serve};
pub use tap::{Glimpse, Tap, TapFilter};
pub use visible::visible;
