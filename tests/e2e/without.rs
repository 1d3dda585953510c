//! A source that can't read beside one that can.

use std::time::{Duration, Instant};

use crate::daemon::Daemon;
use crate::world::{messages, write};

#[test]
fn what_came_last_is_told_though_another_source_cannot_read() {
    let dir = tempfile::tempdir().unwrap();
    let logs = dir.path().join("logs.ndjson");
    // So late may events be that none of these is told before silence says that nothing comes any more.
    write(&logs, &messages(11, 20_000));
    let config = format!(
        "[sources.file.logs]\npaths = ['{}']\nfollow = true\nstart = 'earliest'\n\
         [sources.kafka.dead]\nbrokers = '127.0.0.1:9'\ntopics = ['logs']\ngroup = 'gatewatch'\n\
         [detection]\nsilence = '15s'\nlateness = '2h'\n[dashboard]\nlisten = '127.0.0.1:0'\n",
        logs.display()
    );
    let mut daemon = Daemon::new(dir.path(), &config);
    daemon.start();
    let began = Instant::now();
    while !daemon.data.join("gatewatch.db").exists() || daemon.alerts().is_empty() {
        // For a minute the other source is waited for.
        assert!(began.elapsed() < Duration::from_mins(3), "nothing was told\n{}", daemon.log());
        std::thread::sleep(Duration::from_millis(500));
    }
    daemon.stop();
}
