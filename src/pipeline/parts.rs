//! What the coordinator is made of, and what may be asked of it.

use std::time::Duration;

use crossbeam_channel::Receiver;
use tokio::sync::{oneshot, watch};

use crate::alerts::{Deed, Done, Mutes};
use crate::clock::Clock;
use crate::posture::living::{Drift, Sources};
use crate::store::{Origin, Store};
use crate::telemetry::Streams;

use super::backlog::Backlog;
use super::deliveries::{Deliveries, Settled};
use super::outputs::Outputs;
use super::posture::Reading;
use super::reload::Reread;
use super::supervise::{FromSource, Orders};
use super::watch::{SourceInfo, Watch};
use super::{Core, Crew};

/// Something for the coordinator to do beside reading.
#[derive(Debug)]
pub enum Ask {
    /// Somebody wants something done with alerts, from somewhere; the answer comes once it is durable.
    Deed(Deed, Origin, oneshot::Sender<Result<Done, String>>),
    /// Files that context comes from were read anew.
    Surround(Box<Reread>),
    /// Why detectors' files, which have changed, can't run; nothing once they can.
    DetectorsRefused(Option<String>),
    /// Configuration was read anew.
    Configured(Box<Reading>),
    /// The first reading of configuration came to nothing: events need wait for it no longer.
    Unread,
    /// What has changed of the threat model by what events prove.
    Drifted(Vec<Drift>),
    /// A delivery was tried.
    Settled(Settled),
}

/// How the daemon behaves beside its core.
#[derive(Clone, Debug)]
pub struct DaemonSettings {
    /// With nothing arriving for this long, and everything read, event time moves on by itself.
    pub silence: Duration,
    /// How much the store keeps, and for how long.
    pub store: crate::store::Settings,
    /// The data folder.
    pub data: std::path::PathBuf,
    /// Whether configuration is to be read before the first event is.
    pub reads_first: bool,
}

/// Everything the coordinator owns or talks to.
#[derive(Debug)]
pub struct DaemonParts {
    /// Detection and its state.
    pub core: Core,
    /// The workers.
    pub crew: Crew,
    /// The one writing connection.
    pub store: Store,
    /// Names of streams.
    pub streams: Streams,
    /// The time.
    pub clock: Clock,
    /// Where redacted records go.
    pub outputs: Outputs,
    /// Of which changes nobody is told.
    pub mutes: Mutes,
    /// Which of them are too old to be told.
    pub backlog: Backlog,
    /// Where alerts go.
    pub deliveries: Deliveries,
    /// What pages and metrics show.
    pub watch: Watch,
    /// From the sources' tasks.
    pub batches: Receiver<FromSource>,
    /// From pages and deliveries.
    pub asks: Receiver<Ask>,
    /// To the sources' tasks.
    pub orders: Vec<watch::Sender<Orders>>,
    /// To who reckons the threat model; one that waits is enough.
    pub reckon: crossbeam_channel::Sender<Sources>,
    /// The sources, in the order of their numbers.
    pub sources: Vec<SourceInfo>,
    /// How it behaves.
    pub settings: DaemonSettings,
}
