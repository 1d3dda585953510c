//! Which figures does Gatewatch export, under which names?
//!
//! Every metric's name, help text and labels are in [`Metrics::new`] and nowhere else. Counters
//! can be moved to a total ([`Counts::reach`]), because the pipeline keeps totals that survive a
//! restart. Each metric has at most 2,000 series; what comes beyond is counted under `other`.

mod series;

use prometheus::{Gauge, Histogram, HistogramOpts, IntCounter, IntGauge, Opts, Registry, TextEncoder};

pub use series::{Counts, Levels};

/// All metrics of the daemon; cheap to share behind an `Arc`.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    /// Records decoded, by `category`.
    pub records: Counts,
    /// Records that could not be decoded, by `reason`.
    pub dead_letters: Counts,
    /// Records seen before.
    pub duplicates: IntCounter,
    /// Records left out by configuration: none so far, for there is no setting that does.
    pub filtered: IntCounter,
    /// Replacements of secrets and personal data, by `kind`.
    pub redactions: Counts,
    /// Matches that went to the engine.
    pub signals: IntCounter,
    /// Matches that an exception held back, by `exception`.
    pub held_back: Counts,
    /// Times that the files of `[context]` were read anew, by `outcome`: `taken` or `refused`.
    pub context_reloads: Counts,
    /// Times that detectors' files were read anew, by `outcome`: `taken` or `refused`.
    pub detector_reloads: Counts,
    /// How old a list or a database of places is, whole seconds, by `name`.
    pub context_age_seconds: Levels,
    /// Findings, by `family` and `level`.
    pub findings: Counts,
    /// Alerts not closed, by `level`.
    pub alerts_open: Levels,
    /// Signals later than the allowed lateness.
    pub late: IntCounter,
    /// Entities given up, and matches evaluated before their time, because a ceiling was reached.
    pub evicted: IntCounter,
    /// Offsets that the broker no longer had.
    pub lost_upstream: IntCounter,
    /// Lines of the audit that could not be written at the door.
    pub audit_lost: IntCounter,
    /// Committed epochs.
    pub epochs: IntCounter,
    /// How long a commit took, seconds.
    pub epoch_commit_seconds: Histogram,
    /// Messages (bytes for a file) behind the end, by `source`, `topic` and `partition`.
    pub source_lag: Levels,
    /// How far detection is behind the wall clock, seconds; not a number while nothing has been seen.
    pub watermark_age_seconds: Gauge,
    /// How much of what may wait for its watermark does, 0 to 1; beyond 1 it is evaluated early.
    pub waiting_ratio: Gauge,
    /// Apps and gateways that don't send a category without which detectors are blind, by `category`.
    pub coverage_missing: Levels,
    /// How old the newest event of a category is, whole seconds, by `category`.
    pub category_age_seconds: Levels,
    /// The threat model.
    pub posture: Posture,
    /// Messages read, by `source`.
    pub messages: Counts,
    /// Bytes read, by `source`.
    pub bytes: Counts,
    /// Attempts to deliver, by `sink` and `outcome`.
    pub deliveries: Counts,
    /// Deliveries that wait, by `sink`.
    pub deliveries_waiting: Levels,
    /// Tellings that a ceiling of the dispatcher cut, by which.
    pub tellings_cut: Counts,
    /// Bytes in the spool of the HTTP source.
    pub spool_bytes: IntGauge,
    /// Requests that the HTTP source did not take in, by `reason`.
    pub ingest_refused: Counts,
    /// Requests to the dashboard, by `route` and `code`.
    pub http_requests: Counts,
}

/// Metrics of the threat model.
#[derive(Debug)]
pub struct Posture {
    /// Controls, by `state`.
    pub controls: Levels,
    /// Readings of what is configured, by `outcome`: `taken` or `refused`.
    pub readings: Counts,
    /// Changes that events prove, by `kind`.
    pub drifts: Counts,
}

impl Posture {
    fn new(r: &Registry) -> Result<Self, prometheus::Error> {
        let count = |name: &str, help: &str, label: &str| Counts::registered(r, name, help, &[label]);
        Ok(Self {
            controls: Levels::registered(r, "gatewatch_posture_controls", "Controls of the threat model.", &["state"])?,
            readings: count("gatewatch_posture_readings_total", "Readings of what is configured.", "outcome")?,
            drifts: count("gatewatch_posture_drifts_total", "Changes of the threat model that events prove.", "kind")?,
        })
    }
}

impl Metrics {
    /// Registers every metric.
    ///
    /// # Errors
    ///
    /// Never for the names that are here: a test makes it once.
    pub fn new(version: &str) -> Result<Self, prometheus::Error> {
        let registry = Registry::new();
        let r = &registry;
        let count = |name: &str, help: &str, labels: &[&str]| Counts::registered(r, name, help, labels);
        let level = |name: &str, help: &str, labels: &[&str]| Levels::registered(r, name, help, labels);
        let metrics = Self {
            records: count("gatewatch_records_total", "Records decoded.", &["category"])?,
            dead_letters: count("gatewatch_dead_letters_total", "Records that could not be decoded.", &["reason"])?,
            duplicates: counter(r, "gatewatch_duplicates_total", "Records that had been seen before.")?,
            filtered: counter(r, "gatewatch_filtered_total", "Records left out by configuration; always 0 so far.")?,
            redactions: count("gatewatch_redactions_total", "Secrets and personal data replaced.", &["kind"])?,
            signals: counter(r, "gatewatch_signals_total", "Matches of detectors with records.")?,
            held_back: count("gatewatch_held_back_total", "Matches that an exception held back.", &["exception"])?,
            context_reloads: count("gatewatch_context_reloads_total", "Readings of context's files.", &["outcome"])?,
            detector_reloads: count("gatewatch_detector_reloads_total", "Readings of detectors' files.", &["outcome"])?,
            context_age_seconds: level("gatewatch_context_age_seconds", "How old a list or database is.", &["name"])?,
            findings: count("gatewatch_findings_total", "Times a detector fired.", &["family", "level"])?,
            alerts_open: level("gatewatch_alerts_open", "Alerts that are not closed.", &["level"])?,
            late: counter(r, "gatewatch_late_total", "Signals that came later than the allowed lateness.")?,
            evicted: counter(r, "gatewatch_evicted_total", "Entities given up, or evaluated early, at a ceiling.")?,
            lost_upstream: counter(r, "gatewatch_lost_upstream_total", "Offsets that the broker no longer had.")?,
            audit_lost: counter(r, "gatewatch_audit_lost_total", "Lines of the audit that could not be written.")?,
            epochs: counter(r, "gatewatch_epochs_total", "Epochs committed.")?,
            epoch_commit_seconds: seconds(
                r,
                "gatewatch_epoch_commit_seconds",
                "How long the commit of an epoch took.",
            )?,
            source_lag: level(
                "gatewatch_source_lag",
                "Messages (bytes for a file) between the position read and the end.",
                &["source", "topic", "partition"],
            )?,
            watermark_age_seconds: unknown(
                r,
                "gatewatch_watermark_age_seconds",
                "How far the time that detectors have evaluated is behind the clock; NaN while there is none.",
            )?,
            waiting_ratio: share(r, "gatewatch_waiting_ratio", "How much of what may wait for its watermark does.")?,
            coverage_missing: level(
                "gatewatch_coverage_missing",
                "Apps and gateways that do not send a category without which detectors are blind to them.",
                &["category"],
            )?,
            category_age_seconds: level("gatewatch_category_age_seconds", "Age of its newest event.", &["category"])?,
            posture: Posture::new(r)?,
            messages: count("gatewatch_messages_total", "Messages read.", &["source"])?,
            bytes: count("gatewatch_bytes_total", "Bytes read.", &["source"])?,
            deliveries: count("gatewatch_deliveries_total", "Attempts to deliver.", &["sink", "outcome"])?,
            tellings_cut: count("gatewatch_tellings_cut_total", "Tellings that a ceiling cut.", &["what"])?,
            deliveries_waiting: level("gatewatch_deliveries_waiting", "Deliveries that wait.", &["sink"])?,
            spool_bytes: gauge(r, "gatewatch_spool_bytes", "Bytes in the spool of the HTTP source.")?,
            ingest_refused: count("gatewatch_ingest_refused_total", "Requests not taken in over HTTP.", &["reason"])?,
            http_requests: count("gatewatch_http_requests_total", "Requests answered.", &["route", "code"])?,
            registry: registry.clone(),
        };
        built(r, version)?;
        Ok(metrics)
    }

    /// Writes all metrics in Prometheus' text format.
    pub fn render(&self) -> String {
        TextEncoder::new().encode_to_string(&self.registry.gather()).unwrap_or_default()
    }
}

/// Moves a counter without labels up to `total`; one that is there already stays.
pub fn reach(counter: &IntCounter, total: u64) {
    counter.inc_by(total.saturating_sub(counter.get()));
}

fn counter(registry: &Registry, name: &str, help: &str) -> Result<IntCounter, prometheus::Error> {
    let counter = IntCounter::new(name, help)?;
    registry.register(Box::new(counter.clone()))?;
    Ok(counter)
}

fn gauge(registry: &Registry, name: &str, help: &str) -> Result<IntGauge, prometheus::Error> {
    let gauge = IntGauge::new(name, help)?;
    registry.register(Box::new(gauge.clone()))?;
    Ok(gauge)
}

/// Says which version runs.
fn built(registry: &Registry, version: &str) -> Result<(), prometheus::Error> {
    let opts = Opts::new("gatewatch_build_info", "Which version runs.").const_label("version", version);
    let build = IntGauge::with_opts(opts)?;
    registry.register(Box::new(build.clone()))?;
    build.set(1);
    Ok(())
}

/// A gauge that is no number until it is set.
fn unknown(registry: &Registry, name: &str, help: &str) -> Result<Gauge, prometheus::Error> {
    let gauge = share(registry, name, help)?;
    gauge.set(f64::NAN);
    Ok(gauge)
}

fn share(registry: &Registry, name: &str, help: &str) -> Result<Gauge, prometheus::Error> {
    let gauge = Gauge::new(name, help)?;
    registry.register(Box::new(gauge.clone()))?;
    Ok(gauge)
}

fn seconds(registry: &Registry, name: &str, help: &str) -> Result<Histogram, prometheus::Error> {
    let buckets = vec![0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0];
    let histogram = Histogram::with_opts(HistogramOpts::new(name, help).buckets(buckets))?;
    registry.register(Box::new(histogram.clone()))?;
    Ok(histogram)
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::process::{Command, Stdio};

    use super::*;

    fn filled() -> Metrics {
        let metrics = Metrics::new("0.1.0").unwrap();
        metrics.records.add(&["AppServiceHTTPLogs"], 3);
        metrics.dead_letters.add(&["not-json"], 1);
        metrics.redactions.add(&["jwt"], 1);
        metrics.held_back.add(&["pentest"], 1);
        metrics.context_reloads.add(&["taken"], 1);
        metrics.detector_reloads.add(&["taken"], 1);
        metrics.posture.controls.set(&["held"], 1);
        metrics.posture.readings.add(&["taken"], 1);
        metrics.posture.drifts.add(&["came"], 1);
        metrics.context_age_seconds.set(&["tor-exits"], 60);
        metrics.findings.add(&["key-usage", "high"], 1);
        metrics.alerts_open.set(&["high"], 1);
        metrics.source_lag.set(&["fleet", "logs", "0"], 7);
        metrics.coverage_missing.set(&["AppServiceHTTPLogs"], 1);
        metrics.category_age_seconds.set(&["AppServiceHTTPLogs"], 4);
        metrics.messages.add(&["fleet"], 3);
        metrics.bytes.add(&["fleet"], 3);
        metrics.deliveries.add(&["pager", "delivered"], 1);
        metrics.deliveries_waiting.set(&["pager"], 1);
        metrics.tellings_cut.add(&["merged"], 1);
        metrics.http_requests.add(&["/", "200"], 1);
        metrics.ingest_refused.add(&["token"], 1);
        metrics.epoch_commit_seconds.observe(0.003);
        metrics
    }

    #[test]
    fn every_metric_is_exported_under_its_name() {
        let text = filled().render();
        let names: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("# TYPE ")).collect();
        insta::assert_snapshot!(names.join("\n"), @r"
        gatewatch_alerts_open gauge
        gatewatch_audit_lost_total counter
        gatewatch_build_info gauge
        gatewatch_bytes_total counter
        gatewatch_category_age_seconds gauge
        gatewatch_context_age_seconds gauge
        gatewatch_context_reloads_total counter
        gatewatch_coverage_missing gauge
        gatewatch_dead_letters_total counter
        gatewatch_deliveries_total counter
        gatewatch_deliveries_waiting gauge
        gatewatch_detector_reloads_total counter
        gatewatch_duplicates_total counter
        gatewatch_epoch_commit_seconds histogram
        gatewatch_epochs_total counter
        gatewatch_evicted_total counter
        gatewatch_filtered_total counter
        gatewatch_findings_total counter
        gatewatch_held_back_total counter
        gatewatch_http_requests_total counter
        gatewatch_ingest_refused_total counter
        gatewatch_late_total counter
        gatewatch_lost_upstream_total counter
        gatewatch_messages_total counter
        gatewatch_posture_controls gauge
        gatewatch_posture_drifts_total counter
        gatewatch_posture_readings_total counter
        gatewatch_records_total counter
        gatewatch_redactions_total counter
        gatewatch_signals_total counter
        gatewatch_source_lag gauge
        gatewatch_spool_bytes gauge
        gatewatch_tellings_cut_total counter
        gatewatch_waiting_ratio gauge
        gatewatch_watermark_age_seconds gauge
        ");
        assert!(text.contains("gatewatch_build_info{version=\"0.1.0\"} 1"));
    }

    #[test]
    fn nothing_is_said_of_a_watermark_that_there_is_not() {
        let metrics = Metrics::new("0.1.0").unwrap();
        assert!(metrics.render().contains("gatewatch_watermark_age_seconds NaN"), "{}", metrics.render());
        metrics.watermark_age_seconds.set(3.0);
        assert!(metrics.render().contains("gatewatch_watermark_age_seconds 3\n"));
    }

    #[test]
    fn a_total_is_reached_and_never_falls() {
        let metrics = filled();
        metrics.records.reach(&["AppServiceHTTPLogs"], 10);
        metrics.records.reach(&["AppServiceHTTPLogs"], 4);
        assert!(metrics.render().contains("gatewatch_records_total{category=\"AppServiceHTTPLogs\"} 10"));
        reach(&metrics.late, 5);
        reach(&metrics.late, 2);
        assert_eq!(metrics.late.get(), 5);
    }

    #[test]
    fn prometheus_has_nothing_to_say_against_our_metrics() {
        let Ok(mut promtool) = Command::new("promtool")
            .args(["check", "metrics"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
        else {
            return; // Debian's package `prometheus` has it; without it there is no judge.
        };
        promtool.stdin.take().unwrap().write_all(filled().render().as_bytes()).unwrap();
        let said = promtool.wait_with_output().unwrap();
        assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
        assert_eq!(String::from_utf8_lossy(&said.stdout), "");
    }
}
