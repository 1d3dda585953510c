//! How do requests come in over the wire?
//!
//! An accept loop of its own: `axum::serve` bounds neither connections nor how long a request's head
//! may take, and `axum-server` would add a second reload of certificates. At most 512 connections of
//! people and 384 of senders are open; for one beyond, [`Seats`] has one leave that asks nothing, so that a probe comes
//! in whoever sits there; if all ask, it waits. Of people's, one address
//! (of IPv6 a /64) has 128 at most, unless it is this machine or a trusted proxy; of senders' 64 that no
//! record was taken from yet: what it opens beyond them is closed at once. A handshake may take ten
//! seconds, the first request five to begin, a request's head as long as [`Terms`] say, its body thirty more, and what we send must move
//! within thirty: nobody holds a connection by being slow.

use std::collections::HashMap;
use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::Request;
use axum::response::Response;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio_rustls::TlsAcceptor;
use tower::ServiceExt;

use super::pace::{Paced, timely};
use super::seats::{Seat, Seats};
use crate::access::{Networks, Tls, network};

/// What those who connect must keep to.
#[derive(Clone, Copy, Debug)]
struct Terms {
    /// Connections at once.
    most: usize,
    /// Of them, those of one address.
    of_one: usize,
    /// Of one address only those count that nothing was taken from yet.
    newcomers: bool,
    /// How long the head of the first request may take to arrive.
    first: Duration,
    /// How long that of any other, and a connection may ask nothing.
    head: Duration,
    /// How long its body may take.
    body: Duration,
    /// How long what is sent may wait for the other end to take it.
    stall: Duration,
}

const PEOPLE: Terms = Terms {
    most: 512,
    of_one: 128,
    newcomers: false,
    first: Duration::from_secs(5),
    head: Duration::from_secs(30),
    body: Duration::from_secs(30),
    stall: Duration::from_secs(30),
};
/// Programs that send records; a known one may be as many as there are places.
const SENDERS: Terms = Terms { most: 384, of_one: 64, newcomers: true, ..PEOPLE };
/// How long a handshake may take.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// How long open connections may take to end at shutdown.
const PATIENCE: Duration = Duration::from_secs(2);
/// How often one is asked to leave for somebody who waits.
const EACH: Duration = Duration::from_millis(100);
/// How long to wait when the system has no more sockets to give.
const BREATH: Duration = Duration::from_millis(500);

/// Serves `router` to senders of records, in the clear, until `shutdown`; then ends within two seconds, whoever is still connected.
///
/// # Errors
///
/// None so far: what goes wrong with one connection is no other's concern.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    accept(listener, router, None, (SENDERS, |ip: IpAddr| ip.is_loopback()), shutdown).await;
    Ok(())
}

/// Serves `router` to people, over TLS if there is a certificate; else as [`serve`]. `proxies` speak for many, and may connect as often.
///
/// # Errors
///
/// None so far: what goes wrong with one connection is no other's concern.
pub async fn serve_with(
    listener: TcpListener,
    router: Router,
    (tls, proxies): (Option<Arc<Tls>>, Networks),
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let speaks_for_many = move |ip: IpAddr| ip.is_loopback() || proxies.contain(ip);
    accept(listener, router, tls, (PEOPLE, speaks_for_many), shutdown).await;
    Ok(())
}

async fn accept(
    listener: TcpListener,
    router: Router,
    tls: Option<Arc<Tls>>,
    (terms, speaks_for_many): (Terms, impl Fn(IpAddr) -> bool),
    shutdown: impl Future<Output = ()> + Send + 'static,
) {
    let guests = Guests::default();
    let (seats, places) = (Seats::default(), Arc::new(Semaphore::new(terms.most)));
    let (stop, stopped) = watch::channel(());
    let mut shutdown = std::pin::pin!(shutdown);
    loop {
        let accepted = tokio::select! {
            () = &mut shutdown => break,
            accepted = listener.accept() => accepted,
        };
        let Ok((stream, peer)) = accepted else {
            tokio::time::sleep(BREATH).await;
            continue;
        };
        let ip = peer.ip().to_canonical();
        let guest = if speaks_for_many(ip) { None } else { Some(guests.come(network(ip), terms.of_one)) };
        if matches!(guest, Some(None)) {
            continue;
        }
        let place = tokio::select! {
            () = &mut shutdown => break,
            place = place(&places, &seats) => place,
        };
        let seat = seats.take();
        let (router, tls, stopped) = (router.clone(), tls.clone(), stopped.clone());
        tokio::spawn(async move {
            let _held = place;
            let guest = Arc::new(Mutex::new(guest.flatten()));
            let caller = Caller { peer, guest, terms, seat: seat.clone() };
            tokio::select! {
                () = connection(stream, caller, router, tls, stopped) => {}
                () = seat.asked_to_leave() => {}
            }
        });
    }
    drop(stopped);
    drop(stop);
    // All places are free again once nobody is connected.
    let all = u32::try_from(terms.most).unwrap_or(u32::MAX);
    let _ = tokio::time::timeout(PATIENCE, places.acquire_many(all)).await;
}

/// Takes a place, if need be that of somebody who asks nothing.
async fn place(places: &Arc<Semaphore>, seats: &Seats) -> Option<OwnedSemaphorePermit> {
    loop {
        if let Ok(place) = places.clone().try_acquire_owned() {
            return Some(place);
        }
        seats.make_room();
        if let Ok(place) = tokio::time::timeout(EACH, places.clone().acquire_owned()).await {
            return place.ok();
        }
    }
}

/// How many connections each address has; as many entries as there are connections.
#[derive(Clone, Debug, Default)]
struct Guests {
    of: Arc<Mutex<HashMap<IpAddr, usize>>>,
}

/// One connection of an address, until it is dropped.
#[derive(Debug)]
struct Guest {
    of: Guests,
    ip: IpAddr,
}

impl Guests {
    /// Counts one more of `ip`, if it may have it: `most` at once.
    fn come(&self, ip: IpAddr, most: usize) -> Option<Guest> {
        let mut of = self.of.lock().unwrap_or_else(PoisonError::into_inner);
        let count = of.entry(ip).or_default();
        if *count >= most {
            return None;
        }
        *count += 1;
        Some(Guest { of: self.clone(), ip })
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        let mut of = self.of.of.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = of.get_mut(&self.ip) {
            *count -= 1;
            if *count == 0 {
                of.remove(&self.ip);
            }
        }
    }
}

/// Who has connected.
#[derive(Clone, Debug)]
struct Caller {
    peer: SocketAddr,
    /// What counts against the address; held until the end, or by senders until something was taken from them.
    guest: Arc<Mutex<Option<Guest>>>,
    terms: Terms,
    seat: Arc<Seat>,
}

impl Caller {
    /// Forgets that they are new, if they were and are known by now.
    fn answered(&self, response: &Response) {
        if self.terms.newcomers && response.status().is_success() {
            drop(self.guest.lock().unwrap_or_else(PoisonError::into_inner).take());
        }
    }
}

async fn connection(
    stream: TcpStream,
    caller: Caller,
    router: Router,
    tls: Option<Arc<Tls>>,
    stopped: watch::Receiver<()>,
) {
    // Small answers go out at once.
    drop(stream.set_nodelay(true));
    let stream = Paced::new(stream, caller.terms.stall);
    let Some(tls) = tls else { return talk(stream, caller, router, stopped).await };
    let handshake = TlsAcceptor::from(tls.current()).accept(stream);
    if let Ok(Ok(stream)) = tokio::time::timeout(HANDSHAKE, handshake).await {
        talk(stream, caller, router, stopped).await;
    }
}

/// Answers requests of one connection until its other end, or we, have had enough.
async fn talk<S>(stream: S, caller: Caller, router: Router, mut stopped: watch::Receiver<()>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let terms = caller.terms;
    let asked = Arc::new(AtomicBool::new(false));
    let asks = asked.clone();
    let service = service_fn(move |request: Request<Incoming>| {
        let mut request = request.map(|body| timely(Body::new(body), terms.body));
        request.extensions_mut().insert(ConnectInfo(caller.peer));
        let (router, caller) = (router.clone(), caller.clone());
        asks.store(true, Ordering::Relaxed);
        let asking = caller.seat.asks();
        async move {
            let response = router.oneshot(request).await.unwrap_or_else(|never| match never {});
            caller.answered(&response);
            Ok::<Response, Infallible>(response.map(|body| asking.until_sent(body)))
        }
    });
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(terms.head);
    let mut talk = std::pin::pin!(builder.serve_connection(TokioIo::new(stream), service));
    tokio::select! {
        // How it ended concerns only the other end.
        _ = talk.as_mut() => {}
        () = silent(terms.first, &asked) => {}
        _ = stopped.changed() => {
            // Who has just come in is about to ask.
            tokio::select! {
                _ = talk.as_mut() => return,
                () = speaks(&asked) => {}
            }
            talk.as_mut().graceful_shutdown();
            let _ = talk.await;
        }
    }
}

/// Ends once something was asked, or after a quarter of a second.
async fn speaks(asked: &AtomicBool) {
    for _ in 0..25 {
        if asked.load(Ordering::Relaxed) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Ends when nothing was asked for so long since the beginning, else never.
async fn silent(first: Duration, asked: &AtomicBool) {
    tokio::time::sleep(first).await;
    if asked.load(Ordering::Relaxed) {
        std::future::pending::<()>().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::routing::{get, post};
    use futures_util::{StreamExt, stream};
    use std::sync::atomic::AtomicUsize;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    #[test]
    fn one_address_has_a_quarter_of_the_connections_and_gives_them_back() {
        let (guests, ip) = (Guests::default(), IpAddr::from([203, 0, 113, 7]));
        let held: Vec<Guest> = std::iter::from_fn(|| guests.come(ip, PEOPLE.of_one)).collect();
        assert_eq!(held.len() * 4, PEOPLE.most);
        assert!(guests.come([203, 0, 113, 8].into(), PEOPLE.of_one).is_some());
        drop(held);
        assert!(guests.of.lock().unwrap().is_empty());
        assert!(guests.come(ip, PEOPLE.of_one).is_some());
    }

    const SHORT: Duration = Duration::from_millis(300);
    const HASTY: Terms =
        Terms { most: 8, of_one: 2, newcomers: false, first: SHORT, head: SHORT, body: SHORT, stall: SHORT };

    /// A part of an answer that has not gone out yet.
    struct Unsent(Arc<AtomicUsize>);

    impl Drop for Unsent {
        fn drop(&mut self) {
            self.0.fetch_sub(1, Ordering::SeqCst);
        }
    }

    /// Serves on these terms; the count is of answers of `/endless` that are under way.
    async fn served(terms: Terms) -> (SocketAddr, Arc<AtomicUsize>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let under_way = Arc::new(AtomicUsize::new(0));
        let count = under_way.clone();
        let endless = move || {
            count.fetch_add(1, Ordering::SeqCst);
            let held = Unsent(count.clone());
            let parts = stream::repeat_with(move || {
                let _ = &held;
                Ok::<_, Infallible>(vec![b'x'; 64 * 1024])
            });
            async move { Body::from_stream(parts) }
        };
        let beat = || async {
            let beats = stream::iter(0..12).then(|_| async {
                tokio::time::sleep(SHORT / 3).await;
                Ok::<_, Infallible>("beat\n")
            });
            Body::from_stream(beats)
        };
        let router = Router::new()
            .route("/", get(|| async { "here" }))
            .route("/endless", get(endless))
            .route("/beat", get(beat))
            .route("/form", post(|body: String| async move { body }));
        tokio::spawn(accept(listener, router, None, (terms, |_| false), std::future::pending()));
        (address, under_way)
    }

    async fn said(address: SocketAddr, words: &str) -> TcpStream {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(words.as_bytes()).await.unwrap();
        stream
    }

    /// All that comes until the connection ends, which it must.
    async fn heard(stream: &mut TcpStream) -> String {
        let mut all = Vec::new();
        let end = stream.read_to_end(&mut all);
        let _ = tokio::time::timeout(Duration::from_secs(10), end).await.expect("the connection ends");
        String::from_utf8_lossy(&all).into_owned()
    }

    #[tokio::test]
    async fn a_port_that_is_full_of_the_silent_still_answers_a_probe_and_what_is_under_way_goes_on() {
        let patient = Terms { of_one: 99, first: PEOPLE.first, head: PEOPLE.head, ..HASTY };
        let (address, _) = served(patient).await;
        let mut beats = said(address, "GET /beat HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await;
        let mut rests = said(address, "GET / HTTP/1.1\r\nhost: x\r\n\r\n").await;
        let mut answer = [0; 12];
        rests.read_exact(&mut answer).await.unwrap();
        let mut silent = Vec::new();
        for _ in 2..patient.most {
            silent.push(said(address, "").await);
        }
        let probe = "GET / HTTP/1.1\r\nhost: x\r\n\r\n";
        let mut probes = Vec::new();
        for _ in 0..patient.most {
            let mut one = said(address, probe).await;
            let answered = tokio::time::timeout(Duration::from_secs(2), one.read_exact(&mut answer)).await;
            assert!(answered.is_ok_and(|read| read.is_ok()) && &answer == b"HTTP/1.1 200");
            probes.push(one);
        }
        for stream in &mut silent {
            assert_eq!(heard(stream).await, "", "the silent have left");
        }
        assert!(!heard(&mut rests).await.contains("HTTP/1.1"), "and who was answered and rested");
        assert_eq!(heard(&mut beats).await.matches("beat").count(), 12);
    }

    #[tokio::test]
    async fn a_body_that_trickles_in_ends_its_connection() {
        let (address, _) = served(HASTY).await;
        let mut stream = said(address, "POST /form HTTP/1.1\r\nhost: x\r\ncontent-length: 9999\r\n\r\n").await;
        let (mut hears, mut says) = stream.split();
        let trickle = async {
            while says.write_all(b"x").await.is_ok() {
                tokio::time::sleep(SHORT / 4).await;
            }
        };
        let mut all = Vec::new();
        let end = tokio::time::timeout(Duration::from_secs(10), hears.read_to_end(&mut all));
        tokio::select! {
            end = end => assert!(end.is_ok(), "the connection ends"),
            () = trickle => {}
        }
    }

    #[tokio::test]
    async fn a_whole_body_in_time_is_read() {
        let (address, _) = served(HASTY).await;
        let head = "POST /form HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 6\r\n\r\n";
        let mut stream = said(address, head).await;
        stream.write_all(b"a=").await.unwrap();
        tokio::time::sleep(SHORT / 4).await;
        stream.write_all(b"body").await.unwrap();
        assert!(heard(&mut stream).await.ends_with("a=body"));
    }

    #[tokio::test]
    async fn who_does_not_read_what_they_asked_for_is_left_and_who_reads_slowly_is_not() {
        let (address, under_way) = served(HASTY).await;
        let _deaf = said(address, "GET /endless HTTP/1.1\r\nhost: x\r\n\r\n").await;
        let mut beats = said(address, "GET /beat HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await;
        assert_eq!(heard(&mut beats).await.matches("beat").count(), 12, "a stream that moves lives on");
        for _ in 0..100 {
            if under_way.load(Ordering::SeqCst) == 0 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("it is still held");
    }

    #[tokio::test]
    async fn who_says_nothing_is_left_and_of_one_address_no_more_stay() {
        let (address, _) = served(HASTY).await;
        let mut silent = [said(address, "").await, said(address, "").await];
        tokio::time::sleep(SHORT / 6).await;
        let mut third = said(address, "GET / HTTP/1.1\r\nhost: x\r\n\r\n").await;
        assert_eq!(heard(&mut third).await, "", "closed at once");
        for stream in &mut silent {
            heard(stream).await;
        }
        let mut late = said(address, "GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await;
        assert!(heard(&mut late).await.ends_with("here"));
    }

    #[tokio::test]
    async fn of_senders_only_those_that_nothing_was_taken_from_count() {
        let (address, _) = served(Terms { newcomers: true, head: Duration::from_secs(5), ..HASTY }).await;
        let mut known = Vec::new();
        for _ in 0..4 {
            let mut stream = said(address, "GET / HTTP/1.1\r\nhost: x\r\n\r\n").await;
            let mut answer = [0; 12];
            stream.read_exact(&mut answer).await.unwrap();
            assert_eq!(&answer, b"HTTP/1.1 200");
            known.push(stream);
        }
        let mut refused = [said(address, "GET /no HTTP/1.1\r\nhost: x\r\n\r\n").await, said(address, "").await];
        tokio::time::sleep(SHORT / 3).await;
        let mut third = said(address, "GET / HTTP/1.1\r\nhost: x\r\n\r\n").await;
        assert_eq!(heard(&mut third).await, "", "who was refused is new still");
        assert_eq!(heard(&mut refused[1]).await, "", "who asks nothing is left soon");
        tokio::time::sleep(SHORT * 2).await;
        known[0].write_all(b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await.unwrap();
        assert!(heard(&mut known[0]).await.ends_with("here"), "who has asked may rest");
    }

    #[test]
    fn a_stranger_s_whole_ipv6_network_is_one_address() {
        let guests = Guests::default();
        let come = |n: u16| guests.come(network(std::net::Ipv6Addr::new(0x2001, 0xdb8, 0, 0, n, 0, 0, 1).into()), 2);
        let _held = (come(1).unwrap(), come(2).unwrap());
        assert!(come(3).is_none());
    }
}
