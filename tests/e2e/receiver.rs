//! A webhook's receiver: answers 200, sometimes 503, and remembers what came.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};

/// What a webhook delivered, by idempotency key: how often, and the body.
pub type Received = Arc<Mutex<BTreeMap<String, (u32, String)>>>;

/// Starts a receiver; returns its address and what it receives. Every seventh request is refused
/// with 503, so that retries happen.
pub fn start() -> (String, Received) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}/hook", listener.local_addr().unwrap());
    let received = Received::default();
    let into = received.clone();
    std::thread::spawn(move || {
        for (n, stream) in listener.incoming().flatten().enumerate() {
            let mut reader = BufReader::new(stream);
            let (mut key, mut length) = (String::new(), 0);
            let mut line = String::new();
            while reader.read_line(&mut line).is_ok_and(|read| read > 0) && !line.trim().is_empty() {
                let lower = line.to_ascii_lowercase();
                if let Some(value) = lower.strip_prefix("idempotency-key:") {
                    value.trim().clone_into(&mut key);
                }
                if let Some(value) = lower.strip_prefix("content-length:") {
                    length = value.trim().parse().unwrap();
                }
                line.clear();
            }
            let mut body = vec![0; length];
            if reader.read_exact(&mut body).is_err() {
                continue;
            }
            let refuse = n % 7 == 3;
            if !refuse {
                let mut received = into.lock().unwrap();
                let entry = received.entry(key).or_insert_with(|| (0, String::from_utf8(body).unwrap()));
                entry.0 += 1;
            }
            let status = if refuse { "503 Service Unavailable" } else { "200 OK" };
            let answer = format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
            drop(reader.into_inner().write_all(answer.as_bytes()));
        }
    });
    (address, received)
}
