//! What does a person see?
//!
//! Server-rendered pages that work without JavaScript, and a live stream beside them. Alerts are
//! read from the store; entities, sources and lag from the [`Board`], which the pipeline fills:
//! no page ever waits for the pipeline, nor the pipeline for a page. What attackers wrote is
//! escaped by every template, and its control characters are made visible.

mod acting;
mod api;
mod app;
mod aside;
mod asking;
mod assets;
mod bench;
mod board;
mod changes;
mod coverage;
mod door;
mod filter;
mod hide;
mod lately;
mod live;
mod noted;
mod offers;
mod pace;
mod pages;
mod pretty;
mod probes;
mod readers;
mod router;
mod seats;
mod serving;
mod settings;
mod shares;
mod silencing;
mod tap;
mod tapping;
mod telling;
mod viewing;
mod visible;
mod words;

pub use acting::Ask;
pub use api::document::openapi;
pub use app::Parts;
pub use bench::{Bench, LitLines, Trial, Tried, TryAlert};
pub use board::{
    AheadSeen, Board, CutSeen, DetectorFileSeen, DetectorSeen, ElementSeen, ExceptionSeen, Health, SinkSeen,
    SourceSeen, StreamSeen,
};
pub use changes::{ChangeNote, Changes, Missed};
pub use hide::Hide;
pub use noted::{REFUSED, agent, note_meanwhile};
pub use offers::Offers;
pub use router::{router, router_with};
pub use serving::{serve, serve_with};
pub use settings::{SettingSeen, Settings, SettingsSeen};
pub use tap::{Glimpse, Tap, TapFilter};
pub use telling::Telling;
pub use visible::visible;
