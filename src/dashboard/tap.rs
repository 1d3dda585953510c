//! What is happening right now, for those who watch?
//!
//! A [`Tap`] is one handle with two ends: workers offer redacted events, watchers receive those
//! they asked for. Nobody watching costs one atomic load an event; a watcher that is too slow
//! loses events and is told how many, for a worker never waits. At most [`MAX_TAPS`] watchers,
//! each with [`QUEUE`] events or [`QUEUE_BYTES`] bytes waiting.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use tokio::sync::mpsc;

use super::api::problem::short;

/// Watchers at once.
pub(super) const MAX_TAPS: usize = 8;
/// Events that wait for one watcher.
const QUEUE: usize = 4_096;
/// Bytes that wait for one watcher.
const QUEUE_BYTES: usize = 4 << 20;
/// Letters of a text to filter by.
const MAX_TEXT: usize = 200;

/// Which events a watcher wants; what is `None` is not asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TapFilter {
    /// The category's name, in any case.
    pub category: Option<String>,
    /// The kind's name.
    pub kind: Option<String>,
    /// The app's or gateway's name, in any case.
    pub app: Option<String>,
    /// How the request's path begins, in any case.
    pub path: Option<String>,
}

/// What filters look at in an event.
#[derive(Clone, Copy, Debug, Default)]
pub struct Glimpse<'e> {
    /// The category's name.
    pub category: &'e str,
    /// The kind's name.
    pub kind: &'e str,
    /// The app's name.
    pub app: Option<&'e str>,
    /// The gateway's name.
    pub gateway: Option<&'e str>,
    /// The request's path.
    pub path: Option<&'e str>,
}

impl TapFilter {
    /// Reads the pairs of a query string; the last of a name counts, unknown ones are ignored.
    pub(super) fn of(pairs: &[(String, String)]) -> Self {
        let mut filter = Self::default();
        for (name, value) in pairs {
            let value: String = value.trim().chars().take(MAX_TEXT).collect();
            let value = (!value.is_empty()).then_some(value);
            match name.as_str() {
                "category" => filter.category = value,
                "kind" => filter.kind = value,
                "app" => filter.app = value,
                "path" => filter.path = value,
                _ => {}
            }
        }
        filter
    }

    fn admits(&self, event: Glimpse<'_>) -> bool {
        let is = |wanted: &Option<String>, value: Option<&str>| {
            wanted.as_ref().is_none_or(|wanted| value.is_some_and(|value| value.eq_ignore_ascii_case(wanted)))
        };
        let begins = |wanted: &String| {
            let head = event.path.and_then(|path| path.as_bytes().get(..wanted.len()));
            head.is_some_and(|head| head.eq_ignore_ascii_case(wanted.as_bytes()))
        };
        is(&self.category, Some(event.category))
            && is(&self.kind, Some(event.kind))
            && (is(&self.app, event.app) || is(&self.app, event.gateway))
            && self.path.as_ref().is_none_or(begins)
    }
}

#[derive(Debug)]
struct Watcher {
    filter: TapFilter,
    to: mpsc::Sender<Arc<str>>,
    bytes: AtomicUsize,
    lost: AtomicU64,
}

#[derive(Debug, Default)]
struct Inner {
    /// What filters may ask for; empty where that is not known.
    categories: Vec<&'static str>,
    kinds: Vec<&'static str>,
    /// How many watchers there are: all that a worker looks at while there is none.
    open: AtomicUsize,
    /// Read by workers while somebody watches, written when one comes or goes.
    watchers: RwLock<Vec<Arc<Watcher>>>,
}

/// The live redacted events; clones are the same.
#[derive(Clone, Debug, Default)]
pub struct Tap(Arc<Inner>);

impl Tap {
    /// Returns one of events of these categories and kinds: a filter that asks for another waits for nothing.
    pub fn of(categories: Vec<&'static str>, kinds: Vec<&'static str>) -> Self {
        Self(Arc::new(Inner { categories, kinds, ..Inner::default() }))
    }

    /// Says what of a filter no event can ever be.
    ///
    /// # Errors
    ///
    /// What is wrong, and how to mend it.
    pub(super) fn check(&self, name: &str, value: &str) -> Result<(), String> {
        let value = value.trim();
        let among = |known: &[&'static str], fits: &dyn Fn(&str) -> bool| {
            if value.is_empty() || known.is_empty() || known.iter().any(|one| fits(one)) {
                return Ok(());
            }
            let low = value.to_ascii_lowercase();
            let near =
                known.iter().map(|one| (strsim::damerau_levenshtein(&low, &one.to_ascii_lowercase()), *one)).min();
            let near = near.filter(|(far, one)| *far <= one.len() / 3);
            let mend = near.map_or_else(
                || format!("Use one of: {}.", known.join(", ")),
                |(_, one)| format!("Did you mean `{one}`?"),
            );
            Err(format!("`{}` is no {name} of events. {mend}", short(value)))
        };
        match name {
            "category" => among(&self.0.categories, &|one| one.eq_ignore_ascii_case(value)),
            "kind" => among(&self.0.kinds, &|one| one.eq_ignore_ascii_case(value)),
            "path" if !value.is_empty() && !value.starts_with('/') => {
                Err(format!("A request's path begins with a slash: write `/{}`.", short(value)))
            }
            _ => Ok(()),
        }
    }

    /// Tells whether anybody watches.
    #[inline]
    pub fn is_open(&self) -> bool {
        self.0.open.load(Ordering::Relaxed) > 0
    }

    /// Offers an event: `line` writes it, once, if anybody wants it. Never waits for a watcher.
    pub fn offer(&self, event: Glimpse<'_>, line: impl FnOnce() -> String) {
        let watchers = self.0.watchers.read().unwrap_or_else(PoisonError::into_inner);
        let mut wanted = watchers.iter().filter(|watcher| watcher.filter.admits(event)).peekable();
        if wanted.peek().is_none() {
            return;
        }
        let line: Arc<str> = line().into();
        for watcher in wanted {
            watcher.give(line.clone());
        }
    }

    /// Returns the end of a new watcher; `None` if there are too many.
    pub(super) fn watch(&self, filter: TapFilter) -> Option<Watch> {
        let mut watchers = self.0.watchers.write().unwrap_or_else(PoisonError::into_inner);
        if watchers.len() >= MAX_TAPS {
            return None;
        }
        let (to, from) = mpsc::channel(QUEUE);
        let watcher = Arc::new(Watcher { filter, to, bytes: AtomicUsize::new(0), lost: AtomicU64::new(0) });
        watchers.push(watcher.clone());
        self.0.open.store(watchers.len(), Ordering::Relaxed);
        Some(Watch { tap: self.clone(), watcher, from })
    }
}

impl Watcher {
    fn give(&self, line: Arc<str>) {
        let size = line.len();
        // An event larger than the whole queue still goes into an empty one.
        let waiting = self.bytes.fetch_add(size, Ordering::Relaxed);
        let full = waiting > 0 && waiting.saturating_add(size) > QUEUE_BYTES;
        if full || self.to.try_send(line).is_err() {
            self.bytes.fetch_sub(size, Ordering::Relaxed);
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// The end at which a watcher receives; dropped, it watches no more.
#[derive(Debug)]
pub(super) struct Watch {
    tap: Tap,
    watcher: Arc<Watcher>,
    from: mpsc::Receiver<Arc<str>>,
}

impl Watch {
    /// Waits for the next event. May be cancelled.
    pub(super) async fn next(&mut self) -> Option<Arc<str>> {
        let line = self.from.recv().await?;
        self.watcher.bytes.fetch_sub(line.len(), Ordering::Relaxed);
        Some(line)
    }

    /// Returns how many events were lost since the last call.
    pub(super) fn lost(&self) -> u64 {
        self.watcher.lost.swap(0, Ordering::Relaxed)
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let mut watchers = self.tap.0.watchers.write().unwrap_or_else(PoisonError::into_inner);
        watchers.retain(|watcher| !Arc::ptr_eq(watcher, &self.watcher));
        self.tap.0.open.store(watchers.len(), Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(app: &'static str, path: &'static str) -> Glimpse<'static> {
        Glimpse { category: "GatewayLogs", kind: "gateway.request", app: Some(app), gateway: None, path: Some(path) }
    }

    fn wants(pairs: &[(&str, &str)]) -> TapFilter {
        TapFilter::of(&pairs.iter().map(|&(name, value)| (name.into(), value.into())).collect::<Vec<_>>())
    }

    #[tokio::test]
    async fn a_watcher_gets_what_it_asked_for_and_nothing_else() {
        let tap = Tap::default();
        let filter = wants(&[("category", "gatewaylogs"), ("app", "FN-orders"), ("path", "/API/"), ("x", "y")]);
        let mut watch = tap.watch(filter).unwrap();
        for (app, path) in [("fn-orders", "/other"), ("fn-users", "/api/x"), ("fn-orders", "/é"), ("fn-orders", "")] {
            tap.offer(event(app, path), || panic!("nobody wants it"));
        }
        tap.offer(event("fn-orders", "/api/x"), || "it".into());
        assert_eq!(watch.next().await.as_deref(), Some("it"));
    }

    #[test]
    fn a_filter_that_no_event_can_pass_is_told_what_was_meant() {
        let tap = Tap::of(vec!["GatewayLogs", "AuditLogs"], vec!["http.request"]);
        let said = |name, value| tap.check(name, value).err().unwrap_or_default();
        assert_eq!(
            said("category", "GatewayLog"),
            "`GatewayLog` is no category of events. Did you mean `GatewayLogs`?"
        );
        assert_eq!(said("kind", "http.requst"), "`http.requst` is no kind of events. Did you mean `http.request`?");
        assert_eq!(said("category", "x"), "`x` is no category of events. Use one of: GatewayLogs, AuditLogs.");
        assert_eq!(said("path", "orders"), "A request's path begins with a slash: write `/orders`.");
        for (name, value) in
            [("category", "gatewaylogs"), ("kind", "http.request"), ("path", "/o"), ("app", "x"), ("kind", "")]
        {
            assert_eq!(said(name, value), "", "{name} {value}");
        }
        assert_eq!(Tap::default().check("kind", "x"), Ok(()), "what is not known is not held against anything");
    }

    #[test]
    fn nobody_watching_is_told_by_one_look_and_a_watcher_that_goes_leaves_nothing() {
        let tap = Tap::default();
        assert!(!tap.is_open());
        let watch = tap.watch(TapFilter::default());
        assert!(tap.is_open());
        drop(watch);
        assert!(!tap.is_open());
    }

    #[tokio::test]
    async fn a_slow_watcher_loses_events_and_is_told_how_many_while_nobody_waits() {
        let tap = Tap::default();
        let (mut slow, mut large) =
            (tap.watch(wants(&[("app", "a")])).unwrap(), tap.watch(wants(&[("app", "b")])).unwrap());
        for _ in 0..QUEUE + 7 {
            tap.offer(event("a", "/"), || "x".into());
        }
        assert_eq!((slow.lost(), slow.lost()), (7, 0));
        assert_eq!(slow.next().await.as_deref(), Some("x"));
        for _ in 0..3 {
            tap.offer(event("b", "/"), || "x".repeat(QUEUE_BYTES + 1));
        }
        assert_eq!(large.lost(), 2, "one that is too large goes into an empty queue");
        assert!(large.next().await.is_some());
        tap.offer(event("b", "/"), || "y".into());
        assert_eq!(large.next().await.as_deref(), Some("y"));
    }

    #[test]
    fn there_are_only_so_many_watchers() {
        let tap = Tap::default();
        let watching: Vec<_> = (0..MAX_TAPS).map(|_| tap.watch(TapFilter::default()).unwrap()).collect();
        assert!(tap.watch(TapFilter::default()).is_none());
        drop(watching);
        assert!(tap.watch(TapFilter::default()).is_some());
    }
}
