//! A receiver that looks closely: it judges each request by what its vendor publishes, remembers
//! what it took, and fails in the ways it is told to first.

use std::collections::{BTreeMap, VecDeque};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use rustls::{ServerConnection, StreamOwned};
use serde_json::Value;

use crate::identity::Identity;

/// A request as it came.
#[derive(Clone, Debug)]
pub struct Request {
    pub path: String,
    pub headers: BTreeMap<String, String>,
    pub body: String,
}

impl Request {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }
}

/// What to do with a request instead of judging it.
#[derive(Clone, Copy, Debug)]
pub enum Trouble {
    /// Answer this status.
    Status(u16),
    /// Answer 429, and when to come back, in seconds.
    ComeBackIn(u32),
    /// Take it, and close the connection without an answer.
    TakeAndHangUp,
    /// Hang up before reading.
    HangUp,
    /// Never answer.
    Silence,
}

/// Says what to answer, status and body, or what is wrong with the request.
pub type Judge = fn(&Request) -> Result<(u16, String), String>;

#[derive(Default)]
struct State {
    trouble: VecDeque<Trouble>,
    taken: Vec<Request>,
    complaints: Vec<String>,
    came: usize,
}

pub struct Receiver {
    pub address: SocketAddr,
    state: Arc<Mutex<State>>,
    tls: bool,
}

impl Receiver {
    pub fn start(judge: Judge) -> Self {
        Self::listen(TcpListener::bind("127.0.0.1:0").unwrap(), judge, None)
    }

    /// One that comes up where nobody was before.
    pub fn start_at(judge: Judge, address: SocketAddr) -> Self {
        Self::listen(TcpListener::bind(address).unwrap(), judge, None)
    }

    pub fn start_tls(judge: Judge, identity: &Identity) -> Self {
        Self::listen(TcpListener::bind("127.0.0.1:0").unwrap(), judge, Some(identity.config.clone()))
    }

    fn listen(listener: TcpListener, judge: Judge, tls: Option<Arc<rustls::ServerConfig>>) -> Self {
        let address = listener.local_addr().unwrap();
        let state = Arc::new(Mutex::new(State::default()));
        let (shared, encrypted) = (state.clone(), tls.is_some());
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (state, tls) = (shared.clone(), tls.clone());
                std::thread::spawn(move || match tls {
                    None => serve(stream, &state, judge),
                    Some(config) => {
                        let connection = ServerConnection::new(config).unwrap();
                        serve(StreamOwned::new(connection, stream), &state, judge);
                    }
                });
            }
        });
        Self { address, state, tls: encrypted }
    }

    /// Its address, by the name that its certificate has.
    pub fn url(&self, path: &str) -> String {
        let scheme = if self.tls { "https" } else { "http" };
        format!("{scheme}://localhost:{}{path}", self.address.port())
    }

    /// Fails in these ways first, in order.
    pub fn first(self, trouble: &[Trouble]) -> Self {
        self.state.lock().unwrap().trouble.extend(trouble);
        self
    }

    /// What it took, in order; nothing may have been wrong with any request.
    pub fn taken(&self) -> Vec<Request> {
        let state = self.state.lock().unwrap();
        assert!(state.complaints.is_empty(), "{:#?}", state.complaints);
        state.taken.clone()
    }

    /// How many requests came, taken or not.
    pub fn came(&self) -> usize {
        self.state.lock().unwrap().came
    }
}

fn serve<S: Read + Write>(stream: S, state: &Mutex<State>, judge: Judge) {
    let mut stream = BufReader::new(stream);
    let Some(request) = read(&mut stream) else { return };
    let trouble = {
        let mut state = state.lock().unwrap();
        state.came += 1;
        state.trouble.pop_front()
    };
    let (status, more, body) = match trouble {
        Some(Trouble::HangUp) => return,
        Some(Trouble::Silence) => {
            // Until the other side gives up.
            let _ = stream.read(&mut [0]);
            return;
        }
        Some(Trouble::Status(status)) => (status, "location: http://localhost:1/\r\n".to_owned(), String::new()),
        Some(Trouble::ComeBackIn(seconds)) => (429, format!("retry-after: {seconds}\r\n"), String::new()),
        Some(Trouble::TakeAndHangUp) => {
            state.lock().unwrap().taken.push(request);
            return;
        }
        None => match judge(&request) {
            Ok((status, body)) => {
                state.lock().unwrap().taken.push(request);
                (status, String::new(), body)
            }
            Err(says) => {
                state.lock().unwrap().complaints.push(format!("{says}\n{}", request.body));
                (400, String::new(), "this is wrong".to_owned())
            }
        },
    };
    let head =
        format!("HTTP/1.1 {status} X\r\n{more}content-length: {}\r\nconnection: close\r\n\r\n{body}", body.len());
    drop(stream.get_mut().write_all(head.as_bytes()).and_then(|()| stream.get_mut().flush()));
}

fn read(stream: &mut impl BufRead) -> Option<Request> {
    let mut line = String::new();
    stream.read_line(&mut line).ok().filter(|&read| read > 0)?;
    let path = line.split(' ').nth(1)?.to_owned();
    let mut headers = BTreeMap::new();
    loop {
        line.clear();
        stream.read_line(&mut line).ok().filter(|&read| read > 0)?;
        let Some((name, value)) = line.trim().split_once(':') else { break };
        headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
    let length = headers.get("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    stream.read_exact(&mut body).ok()?;
    Some(Request { path, headers, body: String::from_utf8(body).ok()? })
}

/// A proxy that leads every `CONNECT` to `target`; counts them.
pub struct Proxy {
    pub address: SocketAddr,
    pub asked: Arc<Mutex<Vec<String>>>,
}

impl Proxy {
    pub fn start(target: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let shared = asked.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let asked = shared.clone();
                std::thread::spawn(move || forward(stream, target, &asked));
            }
        });
        Self { address, asked }
    }
}

fn forward(mut client: TcpStream, target: SocketAddr, asked: &Mutex<Vec<String>>) -> Option<()> {
    let mut head = BufReader::new(client.try_clone().ok()?);
    let mut first = String::new();
    head.read_line(&mut first).ok()?;
    let mut line = String::new();
    while head.read_line(&mut line).ok()? > 2 {
        line.clear();
    }
    asked.lock().unwrap().push(first.trim().to_owned());
    let mut server = TcpStream::connect(target).ok()?;
    client.write_all(b"HTTP/1.1 200 OK\r\n\r\n").ok()?;
    let (mut from, mut to) = (server.try_clone().ok()?, client.try_clone().ok()?);
    std::thread::spawn(move || {
        drop(std::io::copy(&mut from, &mut to));
        drop(to.shutdown(Shutdown::Both));
    });
    drop(std::io::copy(&mut head, &mut server));
    drop(server.shutdown(Shutdown::Both));
    Some(())
}
