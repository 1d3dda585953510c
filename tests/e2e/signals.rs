//! How it ends when it is told to.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use crate::daemon::Daemon;
use crate::secrets::free_port;

/// A daemon that takes two seconds to end, for somebody is in the middle of a request.
fn busy(dir: &std::path::Path) -> (Daemon, TcpStream) {
    let port = free_port();
    let config = format!("[sources.file.x]\npaths = ['/tmp/none']\n[dashboard]\nlisten = '127.0.0.1:{port}'\n");
    let mut daemon = Daemon::new(dir, &config);
    daemon.start();
    daemon.says("Dashboard", Duration::from_secs(20));
    let mut browser = TcpStream::connect(("127.0.0.1", port)).unwrap();
    browser.write_all(format!("GET /events HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n").as_bytes()).unwrap();
    browser.read_exact(&mut [0; 12]).unwrap();
    (daemon, browser)
}

#[test]
fn told_once_it_drains_and_told_twice_it_ends_at_once() {
    for (first, second, code) in [("TERM", "TERM", 143), ("INT", "TERM", 143), ("TERM", "INT", 130)] {
        let dir = tempfile::tempdir().unwrap();
        let (mut daemon, _browser) = busy(dir.path());
        daemon.signal(first);
        std::thread::sleep(Duration::from_millis(400));
        assert!(daemon.runs(), "it did not wait for who is connected:\n{}", daemon.log());
        daemon.signal(second);
        assert_eq!(daemon.ended(Duration::from_millis(800)), Some(code), "{}", daemon.log());
    }
}
