//! A webhook's receiver: answers 200, sometimes 503, and remembers what came.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
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
            let Some((key, body)) = request(&mut reader) else { continue };
            let refuse = n % 7 == 3;
            if !refuse {
                let mut received = into.lock().unwrap();
                let entry = received.entry(key).or_insert_with(|| (0, body));
                entry.0 += 1;
            }
            answer(reader, if refuse { "503 Service Unavailable" } else { "200 OK" });
        }
    });
    (address, received)
}

/// What was delivered, in the order in which it came.
pub type Listed = Arc<Mutex<Vec<String>>>;

/// Starts a receiver that takes everything; returns its address and what it receives.
pub fn listing() -> (String, Listed) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}/v2/enqueue", listener.local_addr().unwrap());
    let listed = Listed::default();
    let into = listed.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let mut reader = BufReader::new(stream);
            let Some((_, body)) = request(&mut reader) else { continue };
            into.lock().unwrap().push(body);
            answer(reader, "202 Accepted");
        }
    });
    (address, listed)
}

/// Reads a request; returns its idempotency key and its body.
fn request(reader: &mut BufReader<TcpStream>) -> Option<(String, String)> {
    let (mut key, mut length, mut line) = (String::new(), 0, String::new());
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
    reader.read_exact(&mut body).ok()?;
    Some((key, String::from_utf8(body).unwrap()))
}

fn answer(reader: BufReader<TcpStream>, status: &str) {
    let answer = format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
    drop(reader.into_inner().write_all(answer.as_bytes()));
}
