//! A way to the database on which everything takes longer: bytes arrive as they were sent, each after the same delay.

use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::bench::Error;
use crate::bench::server::{Address, Server};

/// Pieces that are on their way at most in one direction of a connection; beyond that the sender waits.
const PIECES_MAX: usize = 4_096;
/// Bytes of a piece at most.
const PIECE: usize = 64 << 10;

/// A listener on this machine, and all connections through it.
pub(super) struct Proxy {
    url: String,
    closing: CancellationToken,
    tasks: TaskTracker,
}

impl Proxy {
    /// Listens for connections to one database of `server`.
    pub(super) async fn start(server: &Server, database: &str, delay: Duration) -> Result<Self, Error> {
        let listener = TcpListener::bind("127.0.0.1:0").await.map_err(Error::system("listen on 127.0.0.1"))?;
        let port = listener.local_addr().map_err(Error::system("listen on 127.0.0.1"))?.port();
        let (closing, tasks, target) = (CancellationToken::new(), TaskTracker::new(), server.address()?);
        let accepting = accept(listener, target, delay, tasks.clone(), closing.clone());
        tasks.spawn(closing.clone().run_until_cancelled_owned(accepting));
        Ok(Self { url: server.url_by(database, port)?, closing, tasks })
    }

    /// The database, by way of this proxy.
    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// Ends all connections.
    pub(super) async fn end(self) {
        self.closing.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}

async fn accept(
    listener: TcpListener,
    target: Address,
    delay: Duration,
    tasks: TaskTracker,
    closing: CancellationToken,
) {
    while let Ok((near, _)) = listener.accept().await {
        let connection = connect(near, target.clone(), delay);
        tasks.spawn(closing.clone().run_until_cancelled_owned(connection));
    }
}

/// One connection, until either side has said its last. Whoever is cut off notices it by himself.
async fn connect(near: TcpStream, target: Address, delay: Duration) {
    // Without this, two small pieces in a row would wait for an acknowledgement as well.
    let _as_it_is = near.set_nodelay(true);
    let (from_near, to_near) = near.into_split();
    match target {
        Address::Socket(path) => {
            let Ok(far) = UnixStream::connect(path).await else { return };
            let (from_far, to_far) = far.into_split();
            tokio::join!(carry(from_near, to_far, delay), carry(from_far, to_near, delay));
        }
        Address::Host(host, port) => {
            let Ok(far) = TcpStream::connect((host.as_str(), port)).await else { return };
            let _as_it_is = far.set_nodelay(true);
            let (from_far, to_far) = far.into_split();
            tokio::join!(carry(from_near, to_far, delay), carry(from_far, to_near, delay));
        }
    }
}

/// One direction: what was read at a moment is written `delay` later, however much is on the way.
async fn carry(mut from: impl AsyncRead + Unpin, mut to: impl AsyncWrite + Unpin, delay: Duration) {
    let (pieces, mut on_the_way) = mpsc::channel::<(Instant, Vec<u8>)>(PIECES_MAX);
    let send = async move {
        let mut piece = vec![0; PIECE];
        while let Ok(bytes @ 1..) = from.read(&mut piece).await {
            if pieces.send((Instant::now() + delay, piece[..bytes].to_vec())).await.is_err() {
                break;
            }
        }
    };
    let receive = async move {
        while let Some((due, piece)) = on_the_way.recv().await {
            sleep_until(due).await;
            if to.write_all(&piece).await.is_err() {
                break;
            }
        }
        let _gone = to.shutdown().await;
    };
    tokio::join!(send, receive);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn bytes_arrive_in_order_and_late_however_many_are_on_the_way() {
        let (mut near, near_end) = tokio::io::duplex(1 << 10);
        let (far_end, mut far) = tokio::io::duplex(1 << 10);
        let delay = Duration::from_millis(50);
        let clock = Instant::now();
        let carried = carry(near_end, far_end, delay);
        let talk = async {
            for piece in 0..20_u8 {
                near.write_all(&[piece; 100]).await.unwrap();
            }
            drop(near);
            let mut heard = Vec::new();
            far.read_to_end(&mut heard).await.unwrap();
            (heard, clock.elapsed())
        };
        let ((), (heard, took)) = tokio::join!(carried, talk);
        assert_eq!(heard.len(), 2_000);
        assert!(heard.is_sorted() && took >= delay && took < delay * 10, "{took:?}");
    }
}
