//! How do requests come in over the wire?
//!
//! An accept loop of its own: `axum::serve` bounds neither connections nor how long a request's head
//! may take, and `axum-server` would add a second reload of certificates. At most [`MAX_CONNECTIONS`]
//! of people and [`MAX_SENDERS`] of senders are open; those beyond wait in the system's queue. Of people's,
//! one address has [`MAX_OF_ONE`] at most, unless it is this machine or a trusted proxy: what it opens
//! beyond them is closed at once. A handshake may take ten seconds, the head of a request thirty, and so
//! may a connection that asks nothing.

use std::collections::HashMap;
use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
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
use tokio::sync::{Semaphore, watch};
use tokio_rustls::TlsAcceptor;
use tower::ServiceExt;

use crate::access::{Networks, Tls};

/// Connections at once.
const MAX_CONNECTIONS: usize = 512;
/// Of them, those of one address.
const MAX_OF_ONE: usize = 128;
/// Connections of programs that send records, of one address or of many.
const MAX_SENDERS: usize = 384;
/// How long a handshake may take.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// How long the head of a request may take to arrive.
const HEAD: Duration = Duration::from_secs(30);
/// How long open connections may take to end at shutdown.
const PATIENCE: Duration = Duration::from_secs(2);
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
    accept(listener, router, None, (MAX_SENDERS, |_| true), shutdown).await;
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
    accept(listener, router, tls, (MAX_CONNECTIONS, speaks_for_many), shutdown).await;
    Ok(())
}

async fn accept(
    listener: TcpListener,
    router: Router,
    tls: Option<Arc<Tls>>,
    (most, speaks_for_many): (usize, impl Fn(IpAddr) -> bool),
    shutdown: impl Future<Output = ()> + Send + 'static,
) {
    let guests = Guests::default();
    let places = Arc::new(Semaphore::new(most));
    let (stop, stopped) = watch::channel(());
    let mut shutdown = std::pin::pin!(shutdown);
    loop {
        let accepted = async {
            let place = places.clone().acquire_owned().await;
            (listener.accept().await, place)
        };
        let (accepted, place) = tokio::select! {
            () = &mut shutdown => break,
            accepted = accepted => accepted,
        };
        let Ok((stream, peer)) = accepted else {
            tokio::time::sleep(BREATH).await;
            continue;
        };
        let ip = peer.ip().to_canonical();
        let guest = if speaks_for_many(ip) { None } else { Some(guests.come(ip)) };
        if matches!(guest, Some(None)) {
            continue;
        }
        let (router, tls, stopped) = (router.clone(), tls.clone(), stopped.clone());
        tokio::spawn(async move {
            let _held = (place, guest);
            connection(stream, peer, router, tls, stopped).await;
        });
    }
    drop(stopped);
    drop(stop);
    // All places are free again once nobody is connected.
    let all = u32::try_from(most).unwrap_or(u32::MAX);
    let _ = tokio::time::timeout(PATIENCE, places.acquire_many(all)).await;
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
    /// Counts one more of `ip`, if it may have it.
    fn come(&self, ip: IpAddr) -> Option<Guest> {
        let mut of = self.of.lock().unwrap_or_else(PoisonError::into_inner);
        let count = of.entry(ip).or_default();
        if *count >= MAX_OF_ONE {
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

async fn connection(
    stream: TcpStream,
    peer: SocketAddr,
    router: Router,
    tls: Option<Arc<Tls>>,
    stopped: watch::Receiver<()>,
) {
    // Small answers go out at once.
    drop(stream.set_nodelay(true));
    let Some(tls) = tls else { return talk(stream, peer, router, stopped).await };
    let handshake = TlsAcceptor::from(tls.current()).accept(stream);
    if let Ok(Ok(stream)) = tokio::time::timeout(HANDSHAKE, handshake).await {
        talk(stream, peer, router, stopped).await;
    }
}

/// Answers requests of one connection until its other end, or we, have had enough.
async fn talk<S>(stream: S, peer: SocketAddr, router: Router, mut stopped: watch::Receiver<()>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = service_fn(move |request: Request<Incoming>| {
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(ConnectInfo(peer));
        let router = router.clone();
        async move { Ok::<Response, Infallible>(router.oneshot(request).await.unwrap_or_else(|never| match never {})) }
    });
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(HEAD);
    let mut talk = std::pin::pin!(builder.serve_connection(TokioIo::new(stream), service));
    tokio::select! {
        // How it ended concerns only the other end.
        _ = talk.as_mut() => {}
        _ = stopped.changed() => {
            talk.as_mut().graceful_shutdown();
            let _ = talk.await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_address_has_a_quarter_of_the_connections_and_gives_them_back() {
        let (guests, ip) = (Guests::default(), IpAddr::from([203, 0, 113, 7]));
        let held: Vec<Guest> = std::iter::from_fn(|| guests.come(ip)).collect();
        assert_eq!((held.len(), MAX_OF_ONE * 4), (MAX_OF_ONE, MAX_CONNECTIONS));
        assert!(guests.come([203, 0, 113, 8].into()).is_some());
        drop(held);
        assert!(guests.of.lock().unwrap().is_empty());
        assert!(guests.come(ip).is_some());
    }
}
