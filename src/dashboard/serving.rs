//! How do requests come in over the wire?
//!
//! An accept loop of its own: `axum::serve` bounds neither connections nor how long a request's head
//! may take, and `axum-server` would add a second reload of certificates. At most [`MAX_CONNECTIONS`]
//! are open; those beyond it wait in the system's queue. A handshake may take ten seconds, the head
//! of a request thirty, and so may a connection that asks nothing.

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
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

use crate::access::Tls;

/// Connections at once.
const MAX_CONNECTIONS: usize = 512;
/// How long a handshake may take.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// How long the head of a request may take to arrive.
const HEAD: Duration = Duration::from_secs(30);
/// How long open connections may take to end at shutdown.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long to wait when the system has no more sockets to give.
const BREATH: Duration = Duration::from_millis(500);

/// Serves `router` in the clear until `shutdown`; then ends within two seconds, whoever is still connected.
///
/// # Errors
///
/// None so far: what goes wrong with one connection is no other's concern.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    serve_with(listener, router, None, shutdown).await
}

/// As [`serve`], over TLS if there is a certificate.
///
/// # Errors
///
/// None so far: what goes wrong with one connection is no other's concern.
pub async fn serve_with(
    listener: TcpListener,
    router: Router,
    tls: Option<Arc<Tls>>,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
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
        let (router, tls, stopped) = (router.clone(), tls.clone(), stopped.clone());
        tokio::spawn(async move {
            let _place = place;
            connection(stream, peer, router, tls, stopped).await;
        });
    }
    drop(stopped);
    drop(stop);
    // All places are free again once nobody is connected.
    let all = u32::try_from(MAX_CONNECTIONS).unwrap_or(u32::MAX);
    let _ = tokio::time::timeout(PATIENCE, places.acquire_many(all)).await;
    Ok(())
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
